"""Reads a file of arguments as the `java` command does."""


def arguments_in(text: str) -> list[str]:
    """Read a file of arguments as the `java` command does: blanks between, quotes around, backslashes within quotes."""
    found, word, quote, index = [], None, "", 0
    while index < len(text):
        char = text[index]
        if quote and char == "\\":
            index += 1
            escaped = text[index]
            word = (word or "") + {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}.get(escaped, escaped)
        elif quote:
            quote = "" if char == quote else quote
            word = word if char == '"' and not quote else (word or "") + char
        elif char in "\"'":
            quote, word = char, word or ""
        elif char.isspace():
            found += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + char
        index += 1
    return found + ([] if word is None else [word])

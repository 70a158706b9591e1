"""`make key` and `make token`: new secrets, printed once and kept nowhere."""

import argparse
import hashlib
import secrets
import sys

from cryptography.fernet import Fernet


def main(arguments: list[str]) -> None:
    """Print a key or a token with the settings line that goes with it."""
    parser = argparse.ArgumentParser(prog="python -m deployments.make_secret", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("key", help="a key that seals carried sessions")
    kinds.add_parser("token", help="a key for a machine").add_argument("name")
    asked = parser.parse_args(arguments)
    sys.stdout.write(new_key() if asked.kind == "key" else new_token(asked.name))


def new_key() -> str:
    """Return the settings line with a new Fernet key."""
    return f"""COURIER_SEAL_KEYS='["{Fernet.generate_key().decode()}"]'\n"""


def new_token(name: str) -> str:
    """Return a new token and the settings line that lets it in, for one user to be filled in."""
    token = secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    return (
        f"token, for the machine:     {token}\n"
        f"setting, for the courier:   COURIER_HTTP__TOKENS__{name}='"
        f'{{"sha256": "{digest}", "users": ["LOGIN NAME"]}}\'\n'
    )


if __name__ == "__main__":
    main(sys.argv[1:])

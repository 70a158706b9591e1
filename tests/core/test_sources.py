"""What clients call their files is read as it is meant, and what cannot be meant is refused without repeating it."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as some

from flows.core.errors import SourceSyntax
from flows.core.sources import Kind, Source, checked

MANY = 260
"""Long paths begin there in Windows."""


@pytest.mark.parametrize(
    ("text", "kind", "client_path"),
    [
        ("/data/x.lif", "posix", "/data/x.lif"),
        ("/data//a/./x.lif/", "posix", "/data/a/x.lif"),
        ("///data/x.lif", "posix", "/data/x.lif"),
        ("/", "posix", "/"),
        ("/data/a\\b: c?.lif", "posix", "/data/a\\b: c?.lif"),
        ("/data/Zellen größer.lif", "posix", "/data/Zellen größer.lif"),
        ("file:///data/x.lif", "posix", "/data/x.lif"),
        ("file:/data/x.lif", "posix", "/data/x.lif"),
        ("file://localhost/data/x.lif", "posix", "/data/x.lif"),
        ("FILE:///data/a%20b%25%C3%A4.lif", "posix", "/data/a b%ä.lif"),
        ("file:///", "posix", "/"),
        ("C:\\Data\\x.lif", "drive", "C:/Data/x.lif"),
        ("c:/Data\\a/x.lif", "drive", "C:/Data/a/x.lif"),
        ("D:\\", "drive", "D:"),
        ("D:", "drive", "D:"),
        ("\\\\?\\C:\\Data\\" + "long " * MANY + "x.lif", "drive", "C:/Data/" + "long " * MANY + "x.lif"),
        ("file:///C:/Data/a%20b.lif", "drive", "C:/Data/a b.lif"),
        ("file:/C:/Data/x.lif", "drive", "C:/Data/x.lif"),
        ("file:///C|/Data/x.lif", "drive", "C:/Data/x.lif"),
        ("file://C:/Data/x.lif", "drive", "C:/Data/x.lif"),
        ("file:///C:\\Data\\x.lif", "drive", "C:/Data/x.lif"),
        ("\\\\nas\\data\\x.lif", "share", "//nas/data/x.lif"),
        ("//nas/data/x.lif", "share", "//nas/data/x.lif"),
        ("\\\\NAS-1.example.org\\c$\\x.lif", "share", "//NAS-1.example.org/c$/x.lif"),
        ("\\\\?\\UNC\\nas\\data\\x.lif", "share", "//nas/data/x.lif"),
        ("file:////nas/data/a%20b.lif", "share", "//nas/data/a b.lif"),
        ("file://nas/data/a%20b.lif", "host", "//nas/data/a b.lif"),
        ("file://nas/", "host", "//nas"),
        ("sftp://host:2222/data/x%20y.lif", "remote", "sftp://host:2222/data/x y.lif"),
        ("S3://Bucket.Name/Run_1/x.lif", "remote", "s3://Bucket.Name/Run_1/x.lif"),
        ("https://example.org/data/", "remote", "https://example.org/data"),
        ("sftp://[2001:db8::7]/data/x.lif", "remote", "sftp://[2001:db8::7]/data/x.lif"),
    ],
)
def test_a_source_is_read_as_it_is_meant(text: str, kind: str, client_path: str) -> None:
    source = Source.parse(text)

    assert (source.kind, source.client_path) == (Kind(kind), client_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no absolute path"),
        ("cells.lif", "no absolute path"),
        ("~/cells.lif", "no absolute path"),
        ("data\\cells.lif", "no absolute path"),
        ("C:cells.lif", "no absolute path"),
        ("\\Data\\cells.lif", "no absolute path"),
        ("mailto:alice@example.org", "no absolute path"),
        ("/data/a\0b.lif", "NUL"),
        ("/data/../etc/passwd", "go up"),
        ("C:\\Data\\..\\x.lif", "go up"),
        ("C:\\Data\\.. \\x.lif", "dots"),
        ("C:\\Data\\...\\x.lif", "dots"),
        ("\\\\nas\\data/../x.lif", "go up"),
        ("file:///data/%2e%2E/x.lif", "go up"),
        ("file://nas/data/%2e./x.lif", "go up"),
        ("sftp://host/../x.lif", "go up"),
        ("C:\\Data\\x.lif:stream", "character"),
        ("C:\\Data\\*.lif", "character"),
        ("\\\\nas\\data\\a|b.lif", "character"),
        ("file:////nas/a%5Cb.lif", "character"),
        ("file:///C:/a%5C..%5Cb.lif", "character"),
        ("\\\\", "host"),
        ("\\\\?\\GLOBALROOT\\x", "host"),
        ("\\\\.\\PhysicalDrive0", "host"),
        ("\\\\nas@SSL\\data\\x.lif", "host"),
        ("file://nas:8080/x.lif", "port"),
        ("file:///data/a%2Fb.lif", "slash"),
        ("file:///data/a%00b.lif", "NUL"),
        ("file:///data/100%.lif", "no two digits"),
        ("file:///data/%ff.lif", "no UTF-8"),
        ("file://nas/a%5Cb.lif", "backslash"),
        ("file://nas/a\\b.lif", "backslash"),
        ("sftp://host:0/x.lif", "port"),
        ("sftp://host:99999/x.lif", "port"),
        ("sftp:///x.lif", "host"),
        ("s3://bucket//x.lif", "two slashes"),
    ],
)
def test_what_can_be_no_source_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(SourceSyntax, match=why):
        Source.parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sftp://alice:s3cret@host/data/x.lif", "password"),
        ("sftp://s3cret@host/data/x.lif", "password"),
        ("file://alice:s3cret@nas/data/x.lif", "password"),
        ("https://example.org/x.lif?token=s3cret", "may be a secret"),
        ("https://example.org/x.lif#s3cret", "may be a secret"),
        ("file:///data/x.lif?s3cret", "may be a secret"),
        ("s3cret.lif", "absolute"),
    ],
)
def test_a_secret_is_refused_and_not_repeated(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        checked(text)

    assert "s3cret" not in f"{refused.value} {refused.value.__cause__} {refused.value.__context__}"


@pytest.mark.parametrize("text", ["/data/x.lif\r\n", "/data/x.lif\n", '"/data/x.lif"', '"/data/x.lif"\n'])
def test_what_a_form_or_a_clipboard_adds_is_left_out(text: str) -> None:
    assert checked(text) == "/data/x.lif"


def test_only_what_lies_below_is_held() -> None:
    share = Source.parse("\\\\nas\\Data")

    assert share.holds(Source.parse("//NAS/data/x.lif"))
    assert share.holds(Source.parse("file://nas/DATA"))
    assert not share.holds(Source.parse("//nas/Database/x.lif"))
    assert not share.holds(Source.parse("//nas"))
    assert not share.holds(Source.parse("/nas/Data/x.lif"))


def test_capitals_count_where_windows_is_not() -> None:
    assert not Source.parse("file://nas/Data").holds(Source.parse("file://nas/data/x.lif"))
    assert not Source.parse("/Data").holds(Source.parse("/data/x.lif"))
    assert Source.parse("file://nas/Data").holds(Source.parse("file://NAS/Data/x.lif"))
    assert not Source.parse("s3://Images").holds(Source.parse("s3://images/x.lif"))


@pytest.mark.parametrize("text", ["/data/x.lif", "C:\\Data\\x.lif", "//nas/data/x.lif", "sftp://host/data/x.lif"])
def test_people_call_it_by_its_last_name(text: str) -> None:
    source = Source.parse(text)

    assert (source.name, posixpath.basename(source.client_path)) == ("x.lif", "x.lif")


NAMES = some.text(some.sampled_from("aZ0äß漢é~.-_ +&'(€"), min_size=1, max_size=8).filter(
    lambda name: name.strip(". ") != ""
)
SOURCES = some.one_of(
    some.builds(lambda parts: "/" + "/".join(parts), some.lists(NAMES)),
    some.builds(
        lambda drive, parts: f"{drive}:\\" + "\\".join(parts), some.sampled_from("CdZ"), some.lists(NAMES, min_size=1)
    ),
    some.builds(lambda parts: "\\\\nas\\data" + "".join(f"\\{part}" for part in parts), some.lists(NAMES)),
    some.builds(lambda parts: "file://nas/" + "/".join(parts), some.lists(NAMES, min_size=1)),
)


@given(SOURCES)
def test_how_it_is_shown_means_the_same(text: str) -> None:
    source = Source.parse(text)
    again = Source.parse(source.client_path)

    assert again.client_path == source.client_path
    assert again.parts == source.parts
    assert again.holds(source)
    assert source.holds(again)


@given(SOURCES)
def test_the_libraries_of_paths_take_it_apart_as_it_is(text: str) -> None:
    source = Source.parse(text)

    assert posixpath.normpath(source.client_path) == source.client_path
    if source.parts:
        assert posixpath.basename(source.client_path) == source.parts[-1]
        above = Source.parse(posixpath.dirname(source.client_path))
        assert above.parts == source.parts[:-1]
        assert above.holds(source)


@given(some.lists(NAMES, min_size=1))
def test_a_remote_source_is_written_as_a_uri_again(parts: list[str]) -> None:
    source = Source.parse("sftp://host:2222/" + "/".join(parts))

    assert Source.parse(source.uri) == source
    assert source.uri.isascii()


@given(some.text() | some.builds(str.__add__, some.sampled_from(["/", "C:\\", "\\\\", "file:", "x://"]), some.text()))
def test_whatever_is_written_it_leads_nowhere_unseen(text: str) -> None:
    try:
        source = Source.parse(text)
    except SourceSyntax:
        return
    assert not {"", ".", ".."} & set(source.parts)
    assert not any("/" in part or "\0" in part for part in source.parts)

"""What clients call a file: as their own machine writes it, or as a URI; Smuggler answers with a URI always."""

import pytest

from api.smuggler.places import lies_in, read_place

PLACES = [
    pytest.param("/data/alice/cells.tif", "/data/alice/cells.tif", "file:///data/alice/cells.tif", id="a path"),
    pytest.param("/data/a b/50%.tif", "/data/a b/50%.tif", "file:///data/a%20b/50%25.tif", id="a path is no URI"),
    pytest.param("/data/a%20b.tif", "/data/a%20b.tif", "file:///data/a%2520b.tif", id="a path with a percent sign"),
    pytest.param("file:///data/a%20b.tif", "/data/a b.tif", "file:///data/a%20b.tif", id="a URI"),
    pytest.param("file:/data/cells.tif", "/data/cells.tif", "file:/data/cells.tif", id="a URI as Java writes it"),
    pytest.param("file://localhost/data/x", "/data/x", "file://localhost/data/x", id="a URI of this machine"),
    pytest.param("file:///data/%C3%A4.tif", "/data/ä.tif", "file:///data/%C3%A4.tif", id="a URI with an umlaut"),
    pytest.param("C:\\data\\x.lif", "C:/data/x.lif", "file:///C:/data/x.lif", id="a drive of Windows"),
    pytest.param("d:/data/x y.lif", "D:/data/x y.lif", "file:///D:/data/x%20y.lif", id="a drive, with slashes"),
    pytest.param("file:///C:/data/x%20y.lif", "C:/data/x y.lif", "file:///C:/data/x%20y.lif", id="a drive in a URI"),
    pytest.param("\\\\scope\\share\\x", "//scope/share/x", "file://scope/share/x", id="a share of Windows"),
    pytest.param("file://scope/data/x", "file://scope/data/x", "file://scope/data/x", id="a URI of another machine"),
    pytest.param("s3://bucket/x.tif", "s3://bucket/x.tif", "s3://bucket/x.tif", id="a URI of another kind"),
]


@pytest.mark.parametrize(("text", "source", "uri"), PLACES)
def test_a_place_is_read_as_its_client_means_it(text: str, source: str, uri: str) -> None:
    assert read_place(text)[:2] == (source, uri)


@pytest.mark.parametrize(
    "text",
    ["my/file", "cells.tif", "C:cells.tif", "", "file:cells.tif", "file:///data/%ff", "file:///a?b", "s3://me:pw@x/y"],
)
def test_what_says_not_surely_which_file_is_meant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"absolute|UTF-8|%3F|password"):
        read_place(text)


@pytest.mark.parametrize(
    ("path", "source", "does"),
    [
        ("/data/a/x.tif", "/data/a/x.tif", True),
        ("/data/a/x.tif", "/data/a", True),
        ("/data/a/x.tif", "/data/a/", True),
        ("/data/ab/x.tif", "/data/a", False),
        ("/data/A/x.tif", "/data/a", False),
        ("c:\\Data\\x.lif", "C:/data", True),
        ("/data/x", "/", True),
    ],
)
def test_a_file_is_known_by_the_folder_that_was_named(path: str, source: str, does: bool) -> None:
    assert lies_in(path, source) is does

"""How remote paths are written, and what the settings of a remote folder may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from flows.core.errors import SourceNotAllowed
from flows.core.remotes import Connections, Place, Remote, is_remote, normal
from flows.core.remotes import connections as module
from flows.core.verify import Access

KEY = "SHA256:uNiVztksCsDhcc0u9e8BrqXVUNWqeI5IuXN9oJ8q3Jo"
SFTP = {"user": "courier", "password": "s3cret", "host_keys": [KEY], "everyone": True}


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("sftp://NAS.example.org:22/data//x/../y.tif", "sftp://nas.example.org/data/y.tif"),
        ("sftp://nas:2222/a b%.tif", "sftp://nas:2222/a b%.tif"),
        ("s3://Bucket/x", "s3://Bucket/x"),
        ("https://host:443/", "https://host"),
        ("/data/../x", "/x"),
        ("//nas/data/./x", "//nas/data/x"),
    ],
)
def test_each_path_is_written_in_one_way(written: str, plain: str) -> None:
    assert normal(written) == plain
    assert normal(plain) == plain


def test_a_path_of_this_machine_or_of_windows_is_not_remote() -> None:
    assert [is_remote(each) for each in ("/x://y", "C:/x", "//nas/x", "sftp://nas/x")] == [False, False, False, True]


def test_what_http_wants_encoded_is_encoded() -> None:
    assert Place.parse("http://host/my cells 100%.tif").url == "http://host/my%20cells%20100%25.tif"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "sftp://me:s3cret@nas/data"}, "leave user and password out"),
        ({"url": "https://host/x?token=s3cret"}, "no \\?"),
        ({"url": "/data/{user}"}, "write the address as"),
        ({"url": "sftp://{user}/x"}, "no host"),
        ({"url": "sftp://nas/x", "everyone": False}, "say whose it is"),
        ({"url": "sftp://nas/x", "host_keys": []}, "ssh-keyscan"),
        ({"url": "sftp://nas/x", "host_keys": ["nas ssh-ed25519 no"]}, "ssh-keyscan"),
        ({"url": "sftp://nas/x", "password": None}, "password or a private key"),
        ({"url": "s3://b/x", "access_key": "s3cret"}, "come together"),
        ({"url": "https://h/x", "token": "s3cret"}, "a token, or"),
        ({"url": "ftp://h/x", "options": "s3cret"}, "JSON object"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_without_their_secrets(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told) as refused:
        Remote(**(SFTP | wrong))

    assert "s3cret" not in str(refused.value)


def allowed(path: str, user: str = "alice", **remotes: Remote) -> bool:
    access = Access(user=user, groups={"lab"}, roots={}, remotes=remotes)
    try:
        access.allowed(path)
    except SourceNotAllowed:
        return False
    return True


def test_a_remote_folder_is_whose_the_settings_say() -> None:
    its = {"user": "courier", "password": "x", "host_keys": [KEY]}
    homes = Remote(url="sftp://nas/data/{user}", **its)
    lab = Remote(url="sftp://nas/lab", groups=frozenset({"lab"}), **its)
    bobs = Remote(url="sftp://nas/lab/bob", users=frozenset({"bob"}), **its)
    three = {"homes": homes, "lab": lab, "bobs": bobs}

    assert allowed("sftp://nas/data/alice/x.tif", **three)
    assert allowed("sftp://nas/lab/x.tif", **three)
    assert not allowed("sftp://nas/data/bob/x.tif", **three)
    assert not allowed("sftp://nas/data/alicette/x.tif", **three)
    assert not allowed("sftp://nas/lab/bob/x.tif", **three)
    assert not allowed("sftp://nas:2222/lab/x.tif", **three)
    assert not allowed("https://nas/lab/x.tif", **three)
    assert not allowed("sftp://nas/lab/../other/x.tif", **three)
    assert not allowed("sftp://nas/data/../x", user="..", **three)


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", missing)

    with pytest.raises(Exception, match=r"pip install 'omero-courier\[remote\]'"):
        Connections({"nas": Remote(url="sftp://nas/x", **SFTP)}).to("nas")

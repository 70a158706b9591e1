"""HTTP: no redirect is followed, logins stay with their host, and what the server tells of a file is used."""

import base64
import hashlib
import uuid

import aiohttp.web
import pytest
from pydantic import SecretStr

from flows.core.errors import CopyDiffers
from flows.core.settings import StagingArea
from tests.core.remotes.rigs import Rig, tiff
from tests.support.far_servers import PASSWORD, Http


def path_of(rig: Rig, name: str) -> str:
    return rig.of(name).removeprefix(f"http://127.0.0.1:{rig.wire.port}")


def codes(rig: Rig, name: str, **changes: object) -> list[str]:
    return [each.code for each in rig.expand(rig.of(name), **changes).refused]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "remote-login-refused"),
        (403, "source-unreadable"),
        (404, "source-missing"),
        (410, "source-missing"),
        (429, "source-away"),
        (503, "source-away"),
        (400, "source-unreadable"),
    ],
)
def test_each_answer_that_is_none_has_its_name(http: Rig, http_server: Http, status: int, code: str) -> None:
    name = f"{uuid.uuid4().hex}.tif"
    http_server.answers[path_of(http, name)] = lambda _: aiohttp.web.Response(status=status)

    assert codes(http, name) == [code]


@pytest.mark.parametrize("where", ["http://169.254.169.254/latest", "/closed/elsewhere.tif"])
def test_no_redirect_is_followed_nor_told(http: Rig, http_server: Http, where: str) -> None:
    http_server.answers[path_of(http, "moved.tif")] = lambda _: aiohttp.web.Response(
        status=302, headers={"Location": where}
    )

    (refused,) = http.expand(http.of("moved.tif")).refused

    assert "not followed" in refused.what
    assert where not in str(refused)


def test_a_token_is_sent_and_a_wrong_login_is_for_the_operator(http: Rig) -> None:
    http.fill(**{"cells.tif": tiff()})

    assert codes(http, "cells.tif", user=None, password=None, token=SecretStr(PASSWORD)) == []
    assert codes(http, "cells.tif", user=None, password=None, token=SecretStr("n0t")) == ["remote-login-refused"]


def test_a_copy_is_compared_with_the_digest_that_the_server_tells(
    http: Rig, http_server: Http, area: StagingArea
) -> None:
    content = tiff()
    digest = base64.b64encode(hashlib.sha256(b"something else").digest()).decode()
    http_server.answers[path_of(http, "cells.tif")] = lambda _: aiohttp.web.Response(
        body=content, headers={"Repr-Digest": f"sha-256=:{digest}:"}
    )

    with pytest.raises(CopyDiffers, match="sha256"):
        http.staged(http.verified("cells.tif"), area)


def test_a_server_that_may_not_be_asked_about_a_file_is_asked_for_its_first_byte(http: Rig, http_server: Http) -> None:
    content = tiff()

    def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        if request.method == "HEAD":
            return aiohttp.web.Response(status=405)
        first, last = request.headers["Range"].removeprefix("bytes=").split("-")
        part = content[int(first) : int(last) + 1]
        headers = {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}", "ETag": '"1"'}
        return aiohttp.web.Response(status=206, body=part, headers=headers)

    http_server.answers[path_of(http, "cells.tif")] = answer

    verified = http.verified("cells.tif")

    assert (verified.fileset.size, verified.fileset.files[0].version) == (len(content), '"1"')

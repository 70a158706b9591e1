"""Where OMERO.web would be, a page says what the understudy holds, and that it is not OMERO.web."""

from pathlib import Path

import httpx

from tests.support.understudy import Understudy
from tests.understudy.conftest import Connect
from tests.understudy.plain import dataset, do_import


def shown(understudy: Understudy, what: str) -> httpx.Response:
    return httpx.get(f"{understudy.control_url}/webclient/?show={what}", trust_env=False)


def test_an_image_has_a_page_that_leads_to_its_dataset(
    understudy: Understudy, connect: Connect, small_ome_tiff: Path
) -> None:
    alice = connect("alice")
    target = dataset(alice, "Cells <of> today")
    image = do_import(alice, small_ome_tiff, target=target).objects[0]

    page = shown(understudy, f"image-{image.id.val}")

    assert page.status_code == 200
    assert "not OMERO.web" in page.text
    assert small_ome_tiff.name in page.text
    assert f'<a href="/webclient/?show=dataset-{target.id.val}">Cells &lt;of&gt; today</a>' in page.text
    assert f"show=image-{image.id.val}" in shown(understudy, f"dataset-{target.id.val}").text


def test_what_is_not_there_is_not_shown(understudy: Understudy) -> None:
    for what in ("image-999999999", "session-1", "image", "../etc/passwd"):
        assert shown(understudy, what).status_code == 404

"""No link of the documentation leads nowhere: files and images exist, and so do the headings that anchors name."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .markdown import PAGES, ROOT, anchors, links

LINKS = [(page, link) for page in PAGES for link in links(page.read_text())]
WITHIN = [(page, link) for page, link in LINKS if not urlsplit(link).scheme]
OUTWARD = [(page, link) for page, link in LINKS if urlsplit(link).scheme]


def fault_of(page: Path, link: str) -> str | None:
    """Say what is wrong with a link within the project."""
    address = urlsplit(link)
    goal = (page.parent / unquote(address.path)).resolve() if address.path else page
    if not goal.is_relative_to(ROOT) or not goal.exists():
        return f"there is no {address.path}"
    if address.fragment and goal.suffix == ".md" and unquote(address.fragment) not in anchors(goal.read_text()):
        return f"no heading for #{address.fragment}"
    return None


def names(pairs: list[tuple[Path, str]]) -> list[str]:
    return [f"{page.relative_to(ROOT)}: {link}" for page, link in pairs]


def test_there_are_pages_with_links() -> None:
    assert {"README.md", "CHANGELOG.md"} <= {page.name for page in PAGES}
    assert WITHIN


@pytest.mark.parametrize(("page", "link"), WITHIN, ids=names(WITHIN))
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    assert fault_of(page, link) is None


@pytest.mark.parametrize(("page", "link"), OUTWARD, ids=names(OUTWARD))
def test_a_link_outward_is_one_that_a_browser_follows(page: Path, link: str) -> None:
    assert urlsplit(link).scheme in ("https", "http", "mailto")
    assert urlsplit(link).netloc or urlsplit(link).scheme == "mailto"


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("other.md", None),
        ("other.md#a-heading-with-code--more", None),
        ("#here-1", None),
        ("picture.png", None),
        ("gone.md", "there is no gone.md"),
        ("gone.png", "there is no gone.png"),
        ("other.md#gone", "no heading for #gone"),
        ("#there", "no heading for #there"),
        ("../../../../etc/passwd", "there is no ../../../../etc/passwd"),
    ],
)
def test_the_checker_sees_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str, fault: str | None
) -> None:
    monkeypatch.setattr("tests.docs.test_links.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# Here\n\n## Here\n")
    (tmp_path / "other.md").write_text("# A heading, with `code` & more\n")
    (tmp_path / "picture.png").touch()

    assert fault_of(page, link) == fault


def test_links_are_found_in_every_form() -> None:
    text = "[a](a.md) ![b](b.png) <img src='c.png'> [d][ref]\n\n| x |\n| --- |\n| [e](e.md) |\n\n[ref]: d.md\n"

    assert set(links(text)) == {"a.md", "b.png", "c.png", "d.md", "e.md"}


def test_links_in_code_are_not_links() -> None:
    assert links("`[a](a.md)`\n\n```bash\n[b](b.md)\n```\n") == []

"""What people are told: all of it, precisely, in words of theirs."""

from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from flows.core.control import Stage
from flows.core.errors import (
    ImportCancelled,
    OmeroUnavailable,
    SessionEnded,
    SourceBroken,
    SourceMissing,
    TargetNotFound,
)
from flows.core.notify.messages import ROWS_IN_A_MESSAGE, failure_alert, headline, import_summary, report_page
from flows.core.requests import Failure
from flows.core.status import FilesetStatus

from .conftest import MakeReport, failed, unfinished, was_there, went_in

BROKEN = Failure.of(SourceBroken(which="/data/alice/bad.tif"))
MISSING = Failure.of(SourceMissing(which="/data/alice/gone.tif"))
ENDED = Failure.of(SessionEnded())
NASTY = (
    "<script>alert(1)</script> | `x` *y* [z](http://evil.example) _u_ \\ # & \n## own heading \x1b[31m \u202egpj.exe"
)


@pytest.mark.parametrize(
    ("filesets", "changes", "expected"),
    [
        pytest.param([went_in(1)], {}, "cells-1.ome.tiff is in OMERO, in dataset Cells of project Mitosis", id="one"),
        pytest.param(
            [went_in(1), went_in(2)], {"target": "Dataset:id:5"}, "All 2 files are in OMERO, in dataset 5", id="all"
        ),
        pytest.param([went_in(1)], {"target": ""}, "cells-1.ome.tiff is in OMERO", id="no target"),
        pytest.param([went_in(1), failed(2, BROKEN)], {}, "1 of 2 files is in OMERO, 1 is not", id="some"),
        pytest.param(
            [went_in(1), went_in(2), FilesetStatus.refused(MISSING)],
            {},
            "2 of 3 files are in OMERO, 1 is not",
            id="one refused",
        ),
        pytest.param([failed(1, BROKEN), failed(2, BROKEN)], {}, "None of the 2 files is in OMERO", id="none"),
        pytest.param([failed(1, BROKEN)], {}, "bad-1.tif could not be imported into OMERO", id="one, and it failed"),
        pytest.param(
            [],
            {"failure": Failure.of(TargetNotFound())},
            "Nothing was imported: The target does not exist in this group, or you cannot see it",
            id="stopped before the first file",
        ),
        pytest.param([], {}, "There was nothing to import", id="nothing"),
        pytest.param(
            [went_in(1), unfinished(2, Stage.CANCELLED)],
            {"cancelled": True},
            "Import cancelled: 1 of 2 files is in OMERO",
            id="cancelled",
        ),
        pytest.param(
            [], {"cancelled": True}, "Import cancelled: nothing of it is in OMERO", id="cancelled before it began"
        ),
        pytest.param(
            [was_there(1)],
            {},
            "cells-1.ome.tiff is already in OMERO, in dataset Cells of project Mitosis",
            id="it was there",
        ),
        pytest.param(
            [went_in(1), was_there(2)],
            {},
            "All 2 files are in OMERO, in dataset Cells of project Mitosis",
            id="one of them was there",
        ),
        pytest.param(
            [went_in(1), failed(2, ENDED)],
            {},
            "Log in again to go on with your import: 1 of 2 files is in OMERO",
            id="the session ended",
        ),
        pytest.param(
            [],
            {"failure": ENDED},
            "Log in again to go on with your import: nothing of it is in OMERO",
            id="the session ended before it began",
        ),
    ],
)
def test_the_headline_says_it_in_one_line(
    report: MakeReport, filesets: list[Any], changes: dict[str, Any], expected: str
) -> None:
    assert headline(report(*filesets, **changes)) == expected


def test_file_sets_of_several_files_are_not_called_files(report: MakeReport) -> None:
    plate = went_in(1, "Index.xml").model_copy(update={"files": ("/a/Index.xml", "/a/1.tiff")})

    assert headline(report(plate, went_in(2))).startswith("All 2 file sets are in OMERO")


@pytest.mark.parametrize("form", ["text", "html"])
def test_the_summary_links_each_image_and_the_dataset(report: MakeReport, form: str) -> None:
    words = getattr(import_summary(report(went_in(1), went_in(2))), form)

    assert "https://omero.example/webclient/?show=image-100" in words
    assert "https://omero.example/webclient/?show=image-200" in words
    assert "https://omero.example/webclient/?show=dataset-5" in words
    assert "http://prefect.example/runs/flow-run/6b1f0c52-run" in words


def test_the_summary_names_ids_where_there_is_no_omero_web(report: MakeReport) -> None:
    words = import_summary(report(went_in(1), web_url=None)).text

    assert "Image 100" in words
    assert "webclient" not in words


@pytest.mark.parametrize("form", ["text", "html"])
def test_the_summary_tells_what_failed_why_and_what_to_do(report: MakeReport, form: str) -> None:
    words = getattr(import_summary(report(went_in(1), failed(2, BROKEN), FilesetStatus.refused(MISSING))), form)

    for failure in (BROKEN, MISSING):
        assert failure.which in words
        assert failure.what in words
        assert failure.advice.replace("'", "&#x27;" if form == "html" else "'") in words


def test_the_summary_counts_measures_and_says_how_long_it_took(report: MakeReport) -> None:
    words = import_summary(report(went_in(1), went_in(2, images=40))).text

    assert "2 files with 41 images, 3.0 MB, went in. It took 2 min 13 s." in words
    assert "512 x 256, 3 channels, z 21, t 4" in words


def test_an_image_with_a_name_of_its_own_is_named(report: MakeReport) -> None:
    series = went_in(1, "plate.lif")
    image = series.images[0].model_copy(update={"name": "plate.lif [Control]"})

    assert (
        "plate.lif [Control]. Image 100" in import_summary(report(series.model_copy(update={"images": (image,)}))).text
    )


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_long_list_is_cut_and_says_where_the_rest_is(report: MakeReport, form: str) -> None:
    words = getattr(import_summary(report(*(went_in(number) for number in range(1, 401)))), form)

    assert f"cells-{ROWS_IN_A_MESSAGE}.ome.tiff" in words
    assert f"cells-{ROWS_IN_A_MESSAGE + 1}.ome.tiff" not in words
    assert "and 380 more" in words


def test_one_reason_for_many_files_does_not_hide_another_reason(report: MakeReport) -> None:
    broken = [failed(number, BROKEN.model_copy(update={"which": ""})) for number in range(1, 401)]

    words = import_summary(report(*broken, failed(500, MISSING))).text

    assert words.count(BROKEN.what) == 1
    assert "and 380 more" in words
    assert MISSING.which in words


def test_nobody_is_told_to_wait_for_a_retry_that_will_not_come(report: MakeReport) -> None:
    gone = Failure.of(OmeroUnavailable(which="cells.tif"))

    words = import_summary(report(failed(1, gone))).text

    assert gone.advice not in words
    assert "Import it again later" in words


def test_a_cancelled_import_names_what_is_in_and_what_is_not(report: MakeReport) -> None:
    cancelled = {"cancelled": True, "failure": Failure.of(ImportCancelled())}

    message = import_summary(report(went_in(1), unfinished(2, Stage.UPLOAD), **cancelled))

    assert "the import was cancelled" in message.text.lower()
    assert "later-2.tif" in message.text
    assert "What stopped it" not in message.text
    assert message.tone == "warning"


@pytest.mark.parametrize("form", ["text", "html"])
def test_what_was_in_omero_already_is_told_with_a_link_to_it(report: MakeReport, form: str) -> None:
    words = getattr(import_summary(report(went_in(1), was_there(2))), form)

    assert "already in omero: not imported again, but put into the dataset" in words.lower()
    assert "https://omero.example/webclient/?show=image-200" in words
    assert "1 file with 1 image, 1.5 MB, went in. 1 file had been imported before." in words


def test_whoever_has_to_log_in_again_is_told_how_to_go_on(report: MakeReport) -> None:
    words = import_summary(report(went_in(1), failed(2, ENDED))).text

    assert "How to go on: the OMERO session that this import worked in has ended." in words
    assert "retry the import 6b1f0c52-run" in words


def test_what_stopped_the_whole_import_is_told_with_advice(report: MakeReport) -> None:
    stopped = Failure.of(TargetNotFound(which="Dataset:id:5"))

    message = import_summary(report(unfinished(1, Stage.WAITING), failure=stopped))

    assert f"What stopped it: Dataset:id:5: {stopped.what} {stopped.advice}" in message.text
    assert "later-1.tif" in message.text
    assert message.tone == "failure"


class Seen(HTMLParser):
    """The tags of a page, and whether one of them was never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_nasty_name_is_shown_and_does_nothing_in_html(report: MakeReport) -> None:
    seen = Seen()

    seen.feed(import_summary(report(went_in(1, NASTY))).html)

    assert seen.open == []
    assert not seen.tags & {"script", "h1", "img"}


@pytest.mark.parametrize("write", [import_summary, failure_alert])
def test_a_nasty_name_hides_no_signs_and_keeps_the_subject_one_line(report: MakeReport, write: Any) -> None:
    message = write(report(went_in(1, NASTY), user=NASTY))

    assert message.subject.isprintable()
    assert not {"\x1b", "\u202e"} & set(message.text)
    assert "\\n## own heading \\x1b[31m \\u202egpj.exe" in message.text


def test_a_nasty_name_is_shown_literally_on_the_page(report: MakeReport) -> None:
    page = report_page(report(went_in(1, NASTY), failed(2, MISSING.model_copy(update={"which": NASTY}))))

    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(page)

    shown = "&lt;script&gt;alert(1)&lt;/script&gt; | `x` *y* [z](http://evil.example) _u_ \\ # &amp; \\n## own heading"
    assert rendered.count(shown) == 2
    assert rendered.count("<h2>") == 2
    assert rendered.count("<table>") == 1
    assert rendered.count("<li>") == 1


def test_the_page_holds_the_links_the_reasons_and_the_advice(report: MakeReport) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(report_page(report(went_in(1), failed(2, BROKEN))))

    assert '<a href="https://omero.example/webclient/?show=image-100">Image 100</a>' in rendered
    assert "<h1>1 of 2 files is in OMERO, 1 is not</h1>" in rendered
    assert BROKEN.what in rendered
    assert BROKEN.advice in rendered


def test_the_alert_says_who_waits_for_what_and_who_was_told(report: MakeReport) -> None:
    alert = failure_alert(report(went_in(1), failed(2, BROKEN), receivers=("alice@lab.example",)))

    assert alert.subject == "omero-courier: import for alice failed, 1 of 2 files (source-broken)"
    assert "Asked for: Project:name:Mitosis/Dataset:name:Cells" in alert.text
    assert "The user was told at: alice@lab.example" in alert.text
    assert BROKEN.which in alert.text


def test_the_alert_says_when_nobody_could_be_told(report: MakeReport) -> None:
    assert "told at: nobody" in failure_alert(report(failed(1, BROKEN))).text


def test_the_mail_can_be_read_everywhere(report: MakeReport) -> None:
    html = import_summary(report(went_in(1))).html

    assert "background:#ffffff;color:#1a1a1a" in html
    assert "<style" not in html
    assert "src=" not in html

"""What administrators hear of watched folders."""

import pytest

from flows.core.notify import SweepNotice, folder_away, set_aside, sweep_failed

ABOUT = SweepNotice(sweep="confocal", root="/data/confocal", url="https://prefect.lab.example/runs/flow-run/1")


@pytest.mark.parametrize("form", ["text", "html"])
def test_what_was_set_aside_is_told_with_path_reason_and_the_way_to_the_table(form: str) -> None:
    message = set_aside(ABOUT, [("/data/confocal/a.tif", "Its name is not valid UTF-8. Rename it.")])

    assert message.subject == "Set aside by the sweep confocal: 1 fileset"
    for words in ("/data/confocal/a.tif", "Rename it.", ABOUT.url):
        assert words in getattr(message, form)


def test_of_very_much_that_was_set_aside_the_rest_is_counted() -> None:
    message = set_aside(ABOUT, [(f"/data/{number:04d}.tif", "So.") for number in range(2000)])

    assert "2000 filesets" in message.subject
    assert "/data/0000.tif" in message.text
    assert "/data/1999.tif" not in message.text


def test_a_folder_that_is_away_is_told_as_such_and_a_sweep_that_failed_with_its_reason() -> None:
    away, failed = folder_away(ABOUT, "It does not answer."), sweep_failed(ABOUT, "The disk is full.")

    assert away.subject == "A watched folder is away: confocal"
    assert "Nothing is taken for deleted." in away.text
    assert failed.subject == "A watched folder is not swept: confocal"
    assert "The disk is full." in failed.text
    assert ABOUT.url in failed.text

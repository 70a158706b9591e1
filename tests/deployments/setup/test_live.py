import sys
from pathlib import Path

import pytest

from deployments.setup.live import SetupError, clean_environment, elapsed, run


def test_output_goes_to_the_log_and_one_line_to_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Greeting", [sys.executable, "-c", "print('hello')"], tmp_path / "logs" / "greeting.log")

    assert (tmp_path / "logs" / "greeting.log").read_text() == "hello\n"
    assert capsys.readouterr().out.splitlines()[-1].startswith("Greeting: done in ")


def test_a_failure_shows_the_end_of_the_output_and_where_the_rest_is(tmp_path: Path) -> None:
    log = tmp_path / "failing.log"

    with pytest.raises(SetupError) as failed:
        run("Failing", [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], log)

    assert "Failing: failed with status 3" in str(failed.value)
    assert "the reason" in str(failed.value)
    assert str(log) in str(failed.value)


def test_what_would_make_pip_install_elsewhere_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example")

    environment = clean_environment({"CPPFLAGS": "-O1"})

    assert not {"PIP_TARGET", "PYTHONPATH"} & environment.keys()
    assert (environment["PIP_INDEX_URL"], environment["CPPFLAGS"]) == ("https://index.example", "-O1")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s")]
)
def test_durations_are_written_for_people(seconds: float, words: str) -> None:
    assert elapsed(seconds) == words

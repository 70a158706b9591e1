"""The pages about clients work as they stand: their commands are pasted, their Python is run."""

import os
import subprocess
import sys

import pytest

from .commands import run
from .markdown import ROOT, fences

CLIENTS = ROOT / "docs" / "clients"


@pytest.mark.sandbox
@pytest.mark.timeout(300)
def test_the_page_about_curl_works_when_it_is_pasted(sandbox) -> None:  # type: ignore[no-untyped-def]
    here = {"COURIER": sandbox.api, "DATA": str(sandbox.data)}

    outcomes = run(fences((CLIENTS / "curl.md").read_text(), "bash"), here, ROOT, timeout=240)

    assert [outcome.surprises for outcome in outcomes if outcome.surprises] == []
    assert 202 in [code for outcome in outcomes for code, _ in outcome.answers]


@pytest.mark.sandbox
@pytest.mark.timeout(300)
def test_the_page_about_python_runs_as_one_program(sandbox, tmp_path) -> None:  # type: ignore[no-untyped-def]
    program = tmp_path / "page.py"
    program.write_text("\n".join(fence.text for fence in fences((CLIENTS / "python.md").read_text(), "python")))
    here = {"COURIER": sandbox.api, "DATA": str(sandbox.data), "PASSWORD": sandbox.logins["alice"]}

    done = subprocess.run(
        [sys.executable, program], env={**os.environ, **here}, capture_output=True, text=True, timeout=240, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "is image" in done.stdout

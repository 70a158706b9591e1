"""What runs within Java is what its source says."""

from pathlib import Path

import pytest

from deployments.compile_answers import RECORD, compile_into, compiler, record
from flows.core.bioformats import installed_jar
from flows.core.bioformats.java import CLASSES


def test_the_classes_were_compiled_from_the_source_beside_them() -> None:
    assert RECORD.read_text() == record(CLASSES), "compile it: python -m deployments.compile_answers"


@pytest.mark.skipif(installed_jar() is None or compiler() != "17", reason="compiled with the JDK 17 only")
def test_compiling_again_makes_the_same(tmp_path: Path) -> None:
    jar = installed_jar()
    assert jar is not None

    compile_into(tmp_path, jar)

    assert record(tmp_path) == RECORD.read_text()


def test_java_11_runs_them() -> None:
    for each in CLASSES.glob("*.class"):
        assert each.read_bytes()[4:8] == (55).to_bytes(4, "big"), each.name

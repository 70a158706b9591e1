import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from deployments.setup.icepy import HEADERS, SOURCES, cache_directory, compiling, cppflags

COMPILER_LINE = "  g++ -Wall -fPIC -I/usr/include -c src/ice/cpp/src/Ice/ACM.cpp -o build/temp/src/Ice/ACM.o -w\n"


def test_the_flags_of_the_user_come_first() -> None:
    assert cppflags("/tmp/h", "-DX=1") == "-DX=1 -I/tmp/h -include /tmp/h/ice_python_compat.h -g0 -O1"


def test_progress_names_the_file_and_counts() -> None:
    assert compiling(COMPILER_LINE * 3) == f"compiling 3 of about {SOURCES} files  ACM.cpp"


def test_before_the_compiler_runs_progress_says_so() -> None:
    assert compiling("Collecting zeroc-ice==3.6.5\n") == "fetching and unpacking the sources"


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({"XDG_CACHE_HOME": "/cache", "HOME": "/home/alice"}, "/cache/omero-courier/wheels"),
        ({"HOME": "/home/alice"}, "/home/alice/.cache/omero-courier/wheels"),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/alice"}, "/home/alice/.cache/omero-courier/wheels"),
    ],
    ids=["named", "usual", "empty"],
)
def test_wheels_are_kept_where_caches_are(environment: dict[str, str], directory: str) -> None:
    assert cache_directory(environment) == Path(directory)


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_with_the_headers_the_removed_field_compiles(tmp_path: Path) -> None:
    source = tmp_path / "frame.cpp"
    source.write_text("#include <eval.h>\nPyFrameObject* current() { return PyThreadState_GET()->frame; }\n")
    flags = [*cppflags(str(HEADERS), "").split(), f"-I{sysconfig.get_path('include')}"]

    compiled = subprocess.run(
        ["g++", "-fsyntax-only", *flags, str(source)], check=False, capture_output=True, text=True
    )

    assert compiled.returncode == 0, compiled.stderr

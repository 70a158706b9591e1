"""The rules of the layout, read from the code itself: who may import whom, and how large things may grow."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("flows", "api", "deployments")
MODULES = sorted(path.relative_to(ROOT) for top in OURS for path in (ROOT / top).rglob("*.py"))
CORE = [path for path in MODULES if path.is_relative_to("flows/core")]
COUNTED = [path for path in MODULES if path.parts[0] in ("flows", "api")]
PARTS = ("verify", "transfer", "omero_client", "notify")

OMERO = ("omero", "Ice", "IceImport", "Glacier2", "ezomero")
OMERO_ALLOWED = (
    "flows/core/omero_client",
    "deployments/sandbox/understudy",
    "deployments/sandbox/demo_omero.py",  # looks at what arrived as any other client would
)
PREFECT_ALLOWED = ("flows", "deployments")
SHARED_BY_PARTS = (
    "requests",
    "errors",
    "control",
    "status",
    "checksums",
    "settings",
    "disk",
    "names",
    "values",
    "target_syntax",
    "sources",
    "mounts",
    "remotes",
    "bioformats",
)
LONGEST_FUNCTION = 40
LONGEST_MODULE = 300
LONGER = {
    Path("flows/core/requests.py"): 530,
    Path("flows/core/errors.py"): 520,  # one tree, in one file
    Path("flows/core/settings.py"): 510,  # every setting but those of HTTP and of remotes, in one file
}
"""The types that hand an import from stage to stage are best read together; there is little else in it."""


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), filename=str(path))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it, by its full name; `from a import b` counts as `a.b` too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def of(path: Path, *packages: str) -> list[str]:
    """What a file imports of these packages."""
    return [name for name in imported(path) if any(name == each or name.startswith(f"{each}.") for each in packages)]


def below(path: Path, *folders: str) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def names(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]


def test_there_is_something_to_hold() -> None:
    assert {path.parts[0] for path in MODULES} == set(OURS)
    assert len(CORE) > 10


@pytest.mark.parametrize("path", CORE, ids=names(CORE))
def test_the_core_knows_neither_prefect_nor_http(path: Path) -> None:
    assert of(path, "prefect", "fastapi", "starlette", "uvicorn", "httpx", "api", "deployments") == []


@pytest.mark.parametrize("path", CORE, ids=names(CORE))
def test_the_core_imports_no_flow(path: Path) -> None:
    assert [name for name in of(path, "flows") if not name.startswith("flows.core")] == []


@pytest.mark.parametrize("path", CORE, ids=names(CORE))
def test_the_core_reads_no_environment_but_for_the_settings(path: Path) -> None:
    reads = {
        node.attr if isinstance(node, ast.Attribute) else node.name
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"))
        or (isinstance(node, ast.alias) and node.name in ("environ", "getenv"))
    }

    assert reads == ({"environ"} if path.name == "settings.py" else set())


IN_PARTS = [path for path in CORE if below(path, *(f"flows/core/{part}" for part in PARTS))]


@pytest.mark.parametrize("path", IN_PARTS, ids=names(IN_PARTS))
def test_the_parts_of_the_core_do_not_know_each_other(path: Path) -> None:
    own = f"flows.core.{path.parts[2].removesuffix('.py')}"
    allowed = (own, *(f"flows.core.{name}" for name in SHARED_BY_PARTS))
    elsewhere = [name for name in of(path, "flows") if name not in ("flows", "flows.core")]

    assert [name for name in elsewhere if not name.startswith(allowed)] == []


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_only_the_omero_client_and_the_stand_in_import_omero(path: Path) -> None:
    assert below(path, *OMERO_ALLOWED) or of(path, *OMERO) == []


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_prefect_is_imported_by_flows_deployments_and_one_package_of_the_api(path: Path) -> None:
    may = (below(path, *PREFECT_ALLOWED) and not below(path, "flows/core")) or below(path, "api/prefect_runs")

    assert may or of(path, "prefect") == []


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_arrows_point_inward(path: Path) -> None:
    outside = {"flows": ("api", "deployments"), "api": ("deployments",), "deployments": ()}[path.parts[0]]
    flows = [] if path.parts[0] != "api" else [n for n in of(path, "flows") if n != "flows" and "flows.core" not in n]

    assert of(path, *outside) + flows == []


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_no_module_hides_one_that_it_could_be_taken_for(path: Path) -> None:
    taken = {*sys.stdlib_module_names, "omero", "prefect", "fastapi", "apprise"}

    assert path.stem in ("__init__", "__main__") or len(path.parts) > 2 or path.stem not in taken
    assert path.stem not in ("omero", "prefect", "email", "import", "types", "logging")


SHELL = {
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell",
}


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_no_command_goes_through_a_shell(path: Path) -> None:
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    shells = [word for call in calls for word in call.keywords if word.arg == "shell"]

    assert shells == []
    assert {ast.unparse(call.func) for call in calls} & SHELL == set()
    assert set(imported(path)) & SHELL == set()


@pytest.mark.parametrize("path", COUNTED, ids=names(COUNTED))
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {each.name: _lines(each) for each in functions if _lines(each) > LONGEST_FUNCTION}

    assert long == {}


@pytest.mark.parametrize("path", COUNTED, ids=names(COUNTED))
def test_no_module_needs_an_and_to_describe_it(path: Path) -> None:
    lines = len((ROOT / path).read_text().splitlines())

    assert lines <= LONGER.get(path, LONGEST_MODULE)
    assert ast.get_docstring(tree(path))


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1

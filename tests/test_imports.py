"""The rules of the layout, read from the code itself: who may import whom, and how large things may grow."""

import ast
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

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


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), filename=str(path))


@cache
def imported(path: Path) -> list[str]:
    """Every module that a file imports, anywhere in it, by its full name; `from a import b` counts as `a.b` too."""
    found: list[str] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return found


def of(path: Path, *packages: str) -> list[str]:
    """What a file imports of these packages."""
    return [name for name in imported(path) if any(name == each or name.startswith(f"{each}.") for each in packages)]


def offenders(paths: list[Path], against: Callable[[Path], object]) -> dict[str, object]:
    """Which of these files break a rule, each with what it breaks it with."""
    found = {str(path): against(path) for path in paths}
    return {path: what for path, what in found.items() if what}


def below(path: Path, *folders: str) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def test_there_is_something_to_hold() -> None:
    assert {path.parts[0] for path in MODULES} == set(OURS)
    assert len(CORE) > 10


def test_the_core_knows_neither_prefect_nor_http() -> None:
    strangers = ("prefect", "fastapi", "starlette", "uvicorn", "httpx", "api", "deployments")

    assert offenders(CORE, lambda path: of(path, *strangers)) == {}


def test_the_core_imports_no_flow() -> None:
    def flows(path: Path) -> list[str]:
        return [name for name in of(path, "flows") if not name.startswith("flows.core")]

    assert offenders(CORE, flows) == {}


def test_the_core_reads_no_environment_but_for_the_settings() -> None:
    def reads(path: Path) -> set[str]:
        return {
            node.attr if isinstance(node, ast.Attribute) else node.name
            for node in ast.walk(tree(path))
            if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"))
            or (isinstance(node, ast.alias) and node.name in ("environ", "getenv"))
        }

    assert offenders(CORE, reads) == {"flows/core/settings.py": {"environ"}}


def test_the_parts_of_the_core_do_not_know_each_other() -> None:
    parts = [path for path in CORE if below(path, *(f"flows/core/{part}" for part in PARTS))]

    def others(path: Path) -> list[str]:
        own = f"flows.core.{path.parts[2].removesuffix('.py')}"
        allowed = (own, *(f"flows.core.{name}" for name in SHARED_BY_PARTS))
        elsewhere = [name for name in of(path, "flows") if name not in ("flows", "flows.core")]
        return [name for name in elsewhere if not name.startswith(allowed)]

    assert offenders(parts, others) == {}


def test_only_the_omero_client_and_the_stand_in_import_omero() -> None:
    rest = [path for path in MODULES if not below(path, *OMERO_ALLOWED)]

    assert offenders(rest, lambda path: of(path, *OMERO)) == {}


def test_prefect_is_imported_by_flows_deployments_and_one_package_of_the_api() -> None:
    def may(path: Path) -> bool:
        return (below(path, *PREFECT_ALLOWED) and not below(path, "flows/core")) or below(path, "api/prefect_runs")

    rest = [path for path in MODULES if not may(path)]

    assert offenders(rest, lambda path: of(path, "prefect")) == {}


def test_arrows_point_inward() -> None:
    def outward(path: Path) -> list[str]:
        outside = {"flows": ("api", "deployments"), "api": ("deployments",), "deployments": ()}[path.parts[0]]
        flows = [name for name in of(path, "flows") if name != "flows" and "flows.core" not in name]
        return of(path, *outside) + (flows if path.parts[0] == "api" else [])

    assert offenders(MODULES, outward) == {}


def test_no_module_hides_one_that_it_could_be_taken_for() -> None:
    taken = {*sys.stdlib_module_names, "omero", "prefect", "fastapi", "apprise"}

    def hides(path: Path) -> bool:
        if path.stem in {"omero", "prefect", "email", "import", "types", "logging"}:
            return True
        return path.stem not in {"__init__", "__main__"} and len(path.parts) <= 2 and path.stem in taken

    assert offenders(MODULES, hides) == {}


SHELL = {
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell",
}


def test_no_command_goes_through_a_shell() -> None:
    def shells(path: Path) -> list[str]:
        calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        asked = [ast.unparse(call) for call in calls if any(word.arg == "shell" for word in call.keywords)]
        return asked + sorted(({ast.unparse(call.func) for call in calls} | set(imported(path))) & SHELL)

    assert offenders(MODULES, shells) == {}


def test_no_function_is_longer_than_a_screen() -> None:
    def long(path: Path) -> dict[str, int]:
        functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        return {each.name: _lines(each) for each in functions if _lines(each) > LONGEST_FUNCTION}

    assert offenders(COUNTED, long) == {}


def test_no_module_is_too_long() -> None:
    def over(path: Path) -> int:
        return max(0, len((ROOT / path).read_text().splitlines()) - LONGER.get(path, LONGEST_MODULE))

    assert offenders(COUNTED, over) == {}


def test_every_module_says_what_it_is() -> None:
    assert offenders(COUNTED, lambda path: not ast.get_docstring(tree(path))) == {}


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1

"""Watched folders over HTTP: who sees them, what their latest sweeps came to, and why a file was not imported."""

import os
import uuid
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from api.runs import EngineAway
from api.sweep_runs import SweepState
from flows.core.requests import Fileset, SourceFile
from flows.core.sweep.memory import Memory, Remembered
from flows.core.sweep.verdicts import Verdict
from tests.api.test_bad_input import problem
from tests.support.api import TOKEN, WIDE_TOKEN, bearer, some_settings
from tests.support.sweep_runs import NOON, row

SWEEP = "/v1/sweeps/confocal"


@pytest.fixture
def watched(door_with, data, tmp_path):
    """The interface, and a sweep named confocal of all users' folders."""
    folder = tmp_path / "sweeps"
    folder.mkdir()
    definition = {"root": str(data), "description": "The confocal.", "assign": {"path": "{user}/{dataset}"}}
    (folder / "confocal.yaml").write_text(yaml.safe_dump(definition))
    door = door_with(sweeps={"folder": str(folder), "memory": str(tmp_path / "memory")}, audit=_trail(tmp_path))
    door.runs.is_deployed("confocal")
    return door


def _trail(tmp_path: Path) -> dict[str, str]:
    return {"file": str(tmp_path / "audit.jsonl")}


def remember(door, path: str, verdict: Verdict) -> None:
    """Let an earlier sweep have decided that about a file."""
    there = Path(path).exists()
    size, mtime_ns = (Path(path).stat().st_size, Path(path).stat().st_mtime_ns) if there else (9, 1)
    file = SourceFile(path=path, client_path=path, size=size, mtime_ns=mtime_ns)
    kept = Remembered(fileset=Fileset(files=(file,)), verdict=verdict, code="so", reason="It is so.", since=0)
    with Memory.opened(door.settings.sweeps.memory_of("confocal")) as memory:
        memory.remember([kept])


def ask_why(door, path: str | bytes, as_: str = "root"):
    """GET .../why for a path, as it is on disk."""
    return door.client.get(f"{SWEEP}/why?path={quote(path)}", headers=bearer(as_))


def test_all_sweeps_are_listed_with_their_totals_and_links(watched, data) -> None:
    run = watched.runs.was_swept("confocal", row("/a.tif"), row("/b.tif", Verdict.QUARANTINED))
    [told] = watched.get("/v1/sweeps", "root").json()["sweeps"]

    assert (told["name"], told["server"], told["root"], told["active"]) == ("confocal", "main", str(data), True)
    assert (told["description"], told["schedule"]["every_minutes"]) == ("The confocal.", 5)
    assert (told["latest_run"]["id"], told["latest_run"]["state"]) == (str(run.id), "completed")
    assert told["totals"]["verdicts"] == {"new": 1, "quarantined": 1}
    assert told["latest_run"]["links"]["ui"] == f"http://127.0.0.1:4200/runs/flow-run/{run.id}"
    assert told["links"]["why"] == f"{SWEEP}/why"


def test_a_sweep_that_was_never_made_has_no_run_and_no_totals(watched) -> None:
    told = watched.get(SWEEP, "root").json()

    assert (told["latest_run"], told["totals"], told["rows"], told["problem"]) == (None, None, [], None)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        pytest.param([], ["/q.tif", "/n.tif"], id="all"),
        pytest.param(["quarantined"], ["/q.tif"], id="of one verdict"),
        pytest.param(["new", "quarantined"], ["/q.tif", "/n.tif"], id="of several"),
        pytest.param(["failed"], [], id="of one that there is not"),
    ],
)
def test_the_latest_table_is_shown_by_verdict(watched, asked, shown) -> None:
    watched.runs.was_swept("confocal", row("/q.tif", Verdict.QUARANTINED), row("/n.tif"))
    watched.runs.was_swept("confocal", row("/dry.tif"), at=NOON + timedelta(hours=1), dry_run=True)

    assert [each["path"] for each in watched.get(SWEEP, "root", verdict=asked).json()["rows"]] == shown


def test_a_definition_that_the_api_cannot_read_is_told_and_hides_nothing_else(watched) -> None:
    (watched.settings.sweeps.folder / "confocal.yaml").write_text("root: nowhere\n")
    told = watched.get(SWEEP, "root").json()

    assert told["root"] is None
    assert "confocal.yaml:" in told["problem"]
    assert told["description"] == "Has what is new and settled there imported."


def test_a_sweep_is_begun_and_followed(watched) -> None:
    answer = watched.client.post(f"{SWEEP}/runs", json={"dry_run": True}, headers=bearer("root"))
    followed = watched.get(answer.headers["Location"], "root").json()

    assert (answer.status_code, answer.json()["state"]) == (202, "scheduled")
    assert answer.headers["Location"] == f"{SWEEP}/runs/{answer.json()['id']}" == followed["links"]["status"]
    assert (followed["dry_run"], followed["reason"]) == (True, "Asked for by root.")
    assert (followed["totals"], followed["rows"]) == (None, [])


def test_without_a_body_it_is_no_dry_run(watched) -> None:
    assert watched.client.post(f"{SWEEP}/runs", headers=bearer("root")).json()["dry_run"] is False


def test_the_report_of_a_dry_run_is_its_own(watched) -> None:
    watched.runs.was_swept("confocal", row("/real.tif"))
    dry = watched.runs.was_swept("confocal", row("/dry.tif"), row("/s.tif", Verdict.SETTLING), dry_run=True)
    told = watched.get(f"{SWEEP}/runs/{dry.id}", "root", verdict="new").json()

    assert [each["path"] for each in told["rows"]] == ["/dry.tif"]
    assert (told["state"], told["totals"]["dry_run"]) == ("completed", True)


def test_a_sweep_whose_folder_is_away_says_so(watched) -> None:
    watched.runs.was_swept("confocal", state=SweepState.FOLDER_AWAY, problem="The folder is away.")
    told = watched.get(SWEEP, "root").json()

    assert (told["latest_run"]["state"], told["totals"]["problem"]) == ("folder_away", "The folder is away.")


@pytest.mark.parametrize("run_id", [str(uuid.uuid4()), "nonsense"], ids=["no such run", "no id"])
def test_an_unknown_run_is_not_found(watched, run_id) -> None:
    assert problem(watched.get(f"{SWEEP}/runs/{run_id}", "root"), 404)["type"].endswith("unknown-sweep-run")


def test_the_run_of_another_sweep_is_not_found(watched) -> None:
    watched.runs.is_deployed("slides")
    other = watched.runs.was_swept("slides")

    problem(watched.get(f"{SWEEP}/runs/{other.id}", "root"), 404)


EVERYTHING = [
    pytest.param("GET", "/v1/sweeps", id="list"),
    pytest.param("GET", SWEEP, id="look"),
    pytest.param("POST", f"{SWEEP}/runs", id="sweep"),
    pytest.param("GET", f"{SWEEP}/runs/{uuid.uuid4()}", id="follow"),
    pytest.param("POST", f"{SWEEP}/release", id="release"),
]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
@pytest.mark.parametrize("who", ["alice", TOKEN])
def test_others_than_administrators_may_not_and_learn_nothing_of_what_there_is(watched, method, path, who) -> None:
    known = watched.client.request(method, path, headers=bearer(who))
    unknown = watched.client.request(method, path.replace("confocal", "nothing"), headers=bearer(who))

    assert problem(known, 403)["type"] == "urn:omero-courier:administrators-only"
    assert (unknown.status_code, unknown.text) == (known.status_code, known.text)
    assert not watched.runs.swept


@pytest.mark.parametrize(("method", "path"), EVERYTHING[1:])
@pytest.mark.parametrize("who", ["root", WIDE_TOKEN])
def test_administrators_and_tokens_for_everybody_learn_that_a_sweep_is_unknown(watched, method, path, who) -> None:
    answer = watched.client.request(method, path.replace("confocal", "nothing"), headers=bearer(who))

    assert problem(answer, 404)["type"] == "urn:omero-courier:unknown-sweep"


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_who_is_not_logged_in_is_asked_to(watched, method, path) -> None:
    problem(watched.client.request(method, path), 401)


def test_a_token_that_is_bound_to_folders_is_none_for_everybody(door_with, data) -> None:
    tokens = some_settings(data).http.tokens
    bound = {"sha256": tokens["facility"].sha256, "users": ["*"], "roots": ["home"]}

    problem(door_with(http={"tokens": {"facility": bound}}).get("/v1/sweeps", WIDE_TOKEN), 403)


def test_sweeps_into_another_omero_are_not_the_callers(watched) -> None:
    watched.runs.is_deployed("elsewhere", server="other")

    assert [each["name"] for each in watched.get("/v1/sweeps", "root").json()["sweeps"]] == ["confocal"]
    problem(watched.get("/v1/sweeps/elsewhere", "root"), 404)


def test_without_the_engine_callers_are_asked_to_come_back(watched) -> None:
    watched.runs.away = EngineAway("gone")

    assert problem(watched.get(SWEEP, "root"), 503)["type"] == "urn:omero-courier:prefect-away"


def test_why_tells_the_decision_about_a_file(watched) -> None:
    image = watched.image("alice", "First/cells.tif")
    told = ask_why(watched, image).json()

    assert (told["sweep"], told["path"], told["verdict"]) == ("confocal", image, "settling")
    assert (told["user"], told["target"]) == ("alice", "Dataset:name:First")
    assert told["reason"].endswith(".")


def test_why_tells_what_became_of_a_file_and_what_belongs_to_it(watched) -> None:
    image = watched.image("alice", "First/cells.tif")
    remember(watched, image, Verdict.FAILED)
    told = ask_why(watched, image).json()

    assert (told["verdict"], told["reason"], told["files"]) == ("failed", "It is so.", [image])
    assert (told["user"], told["target"]) == ("alice", "Dataset:name:First")


def test_a_path_below_the_root_will_do(watched) -> None:
    image = watched.image("alice", "First/cells.tif")

    assert ask_why(watched, "alice/First/cells.tif").json()["path"] == image


def test_users_ask_about_their_own_files(watched) -> None:
    image = watched.image("alice", "First/cells.tif")

    assert ask_why(watched, image, "alice").json()["user"] == "alice"
    assert ask_why(watched, image, TOKEN).status_code == 200


def test_users_ask_about_files_in_their_folder_that_are_nobodys(watched) -> None:
    image = watched.image("alice", "too/deep/down/cells.tif")

    assert ask_why(watched, image, "alice").status_code == 200
    problem(ask_why(watched, image, "bob"), 403)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("bob/First/there.tif", id="another user's file"),
        pytest.param("bob/First/missing.tif", id="another user's missing file"),
        pytest.param("alice/link/there.tif", id="through a link to another user's folder"),
        pytest.param("alice/link/missing.tif", id="a missing file through such a link"),
        pytest.param("alice/First/link.tif", id="a link to another user's file"),
        pytest.param("bob", id="another user's folder"),
        pytest.param("nobody/First/missing.tif", id="a missing folder"),
        pytest.param("cells.tif", id="a file that would be nobody's"),
        pytest.param("/etc/passwd", id="a file elsewhere"),
        pytest.param("/etc/missing", id="a missing file elsewhere"),
    ],
)
def test_about_other_files_the_answer_is_the_same_whatever_there_is(watched, path) -> None:
    watched.image("bob", "First/there.tif")
    (watched.data / "alice" / "link").symlink_to(watched.data / "bob" / "First")
    (watched.data / "alice" / "First").mkdir()
    (watched.data / "alice" / "First" / "link.tif").symlink_to(watched.data / "bob" / "First" / "there.tif")
    unknown = watched.client.get("/v1/sweeps/nothing/why?path=x", headers=bearer("alice"))
    answer = ask_why(watched, path, "alice")

    assert problem(answer, 403)["type"] == "urn:omero-courier:source-not-allowed"
    assert answer.text == unknown.text


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"two\nlines.tif", id="newline"),
        pytest.param(b"caf\xe9.tif", id="no UTF-8"),
        pytest.param("größe µm.tif".encode(), id="beyond ASCII"),
        pytest.param(b"a+b &c=d%41.tif", id="characters that addresses use"),
        pytest.param(b"x" * 250 + b".tif", id="long"),
    ],
)
@pytest.mark.parametrize("there", [True, False], ids=["there", "missing"])
def test_odd_names_are_understood_byte_by_byte(watched, name, there) -> None:
    path = watched.data / "alice" / "First" / os.fsdecode(name)
    path.parent.mkdir()
    if there:
        path.write_bytes(b"II*\0")
    answer = ask_why(watched, os.fsencode(path))

    shown = os.fsencode(path).decode("utf-8", "replace")
    assert (answer.status_code, answer.json()["path"]) == (200, shown)
    assert (answer.json()["code"] == "source-missing") is (not there and "\N{REPLACEMENT CHARACTER}" not in shown)


@pytest.mark.parametrize(
    "query",
    ["", "?path=", "?path=%00", "?path=alice/a%00b", f"?path={'x' * 5000}", "?path=../../etc/passwd"],
    ids=["none", "empty", "NUL", "NUL within", "too long", "upward"],
)
def test_what_is_no_path_is_refused(watched, query) -> None:
    problem(watched.client.get(f"{SWEEP}/why{query}", headers=bearer("root")), 422)


def test_where_the_folder_is_not_mounted_the_command_for_the_workers_machine_is_told(watched) -> None:
    watched.data.rename(watched.data.with_name("elsewhere"))
    told = problem(ask_why(watched, "alice/a b.tif"), 503)

    assert told["type"] == "urn:omero-courier:sweep-elsewhere"
    assert "`python -m deployments.sweeps why confocal 'alice/a b.tif'`" in told["advice"]


@pytest.mark.parametrize("here", ["definition", "memory"])
def test_where_definition_or_memory_are_elsewhere_that_is_told_too(watched, here) -> None:
    watched.runs.was_swept("confocal")
    if here == "memory":
        (watched.settings.sweeps.folder / "confocal.yaml").unlink()

    why = problem(ask_why(watched, watched.image("alice", "First/cells.tif")), 503)
    release = problem(watched.client.post(f"{SWEEP}/release", headers=bearer("root")), 503)
    assert why["type"] == release["type"] == "urn:omero-courier:sweep-elsewhere"
    assert "`python -m deployments.sweeps release confocal`" in release["advice"]


def test_asking_why_leaves_the_memory_as_it_is(watched) -> None:
    image = watched.image("alice", "First/cells.tif")
    remember(watched, image, Verdict.FAILED)
    memory = watched.settings.sweeps.memory_of("confocal")
    before = memory.read_bytes()
    ask_why(watched, image)

    assert memory.read_bytes() == before
    assert list(memory.parent.iterdir()) == [memory]


def test_a_memory_that_is_of_no_use_is_left_to_the_sweeps(watched) -> None:
    memory = watched.settings.sweeps.memory_of("confocal")
    memory.parent.mkdir()
    memory.write_text("This is no memory. " * 100)

    assert problem(ask_why(watched, watched.image("alice", "First/cells.tif")), 503)["type"].endswith("elsewhere")
    assert memory.read_text().startswith("This is no memory.")


def test_asking_why_makes_no_memory(watched) -> None:
    ask_why(watched, watched.image("alice", "First/cells.tif"))

    assert not watched.settings.sweeps.memory_of("confocal").exists()


@pytest.mark.parametrize(
    ("body", "number"),
    [
        pytest.param({}, 2, id="all"),
        pytest.param({"path": "alice/First/a.tif"}, 1, id="one file"),
        pytest.param({"path": "alice"}, 2, id="a folder"),
        pytest.param({"path": "bob"}, 0, id="another folder"),
    ],
)
def test_what_failed_or_is_quarantined_is_released(watched, body, number) -> None:
    remember(watched, str(watched.data / "alice/First/a.tif"), Verdict.FAILED)
    remember(watched, str(watched.data / "alice/First/b.tif"), Verdict.QUARANTINED)
    remember(watched, str(watched.data / "alice/First/c.tif"), Verdict.IMPORTED)
    answer = watched.client.post(f"{SWEEP}/release", json=body, headers=bearer("root"))

    assert (answer.status_code, answer.json()) == (200, {"released": number})


@pytest.mark.parametrize("path", ["", "a\0b", "/a/../b"], ids=["empty", "NUL", "upward"])
def test_what_cannot_be_released_is_refused(watched, path) -> None:
    problem(watched.client.post(f"{SWEEP}/release", json={"path": path}, headers=bearer("root")), 422)


def test_who_swept_and_who_released_is_written_down(watched) -> None:
    watched.client.post(f"{SWEEP}/runs", json={"dry_run": True}, headers=bearer("root"))
    watched.client.post(f"{SWEEP}/release", json={"path": "alice"}, headers=bearer("root"))

    dry_run, released = watched.settings.audit.file.read_text().splitlines()
    assert '"action":"sweep-dry-run","who":"user:root"' in dry_run
    assert '"action":"release"' in released
    assert '"sources":["alice"]' in released
    assert dry_run.count('"sweep":"confocal"') == released.count('"sweep":"confocal"') == 1

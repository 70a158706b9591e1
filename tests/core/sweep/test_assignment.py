"""Whose a file is and where it goes, by its path, a pattern, a table and sidecars."""

import os
from pathlib import Path
from typing import Any

import pytest

from flows.core.errors import Misdefined, SourceAway, SourceMissing, Unassigned
from flows.core.requests import Fileset, ImportRequest, SourceFile, Target
from flows.core.sweep import sidecars
from flows.core.sweep.assignment import Assigner
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.verdicts import Assignment

DAY = 1_700_000_000 * 10**9
"""2023-11-14, in nanoseconds."""


def assigner(root: Path | str = "/data", /, **assign: Any) -> Assigner:
    return Assigner(SweepDefinition.model_validate({"root": str(root), "assign": assign}))


def fileset(path: str, mtime_ns: int = DAY) -> Fileset:
    file = SourceFile(path="/mnt/elsewhere", client_path=path, size=5, mtime_ns=mtime_ns)
    return Fileset(files=(file, file.model_copy(update={"client_path": "/other/companion.xml"})))


def assign(path: str, /, root: Path | str = "/data", **how: Any) -> Assignment:
    return assigner(root, **how).assign(fileset(path))


@pytest.mark.parametrize(
    ("template", "path", "user", "target"),
    [
        pytest.param("{user}", "alice/a.tif", "alice", "Dataset:name:alice", id="user alone"),
        pytest.param("{user}", "alice/Day 1/x/a.tif", "alice", "Dataset:name:x", id="deeper: the file's folder"),
        pytest.param("{user}/{project}", "alice/P/x/a.tif", "alice", "Project:name:P/Dataset:name:x", id="project"),
        pytest.param(
            "{user}/{project}/{dataset}", "alice/P/D/deep/er/a.tif", "alice", "Project:name:P/Dataset:name:D", id="all"
        ),
        pytest.param("{user}/{dataset}", "alice/D/a.tif", "alice", "Dataset:name:D", id="dataset without project"),
        pytest.param("{screen}/{user}", "S/alice/a.tif", "alice", "Screen:name:S", id="screen"),
        pytest.param("{user}_{dataset}", "alice_2026/a.tif", "alice", "Dataset:name:2026", id="mixed"),
        pytest.param("from {user} ({dataset})", "From bob (x)/a.tif", "bob", "Dataset:name:x", id="literal, any case"),
        pytest.param("in/{user}", "in/alice/a.tif", "alice", "Dataset:name:alice", id="a fixed folder"),
        pytest.param("{{{user}}}", "{alice}/a.tif", "alice", "Dataset:name:{alice}", id="braces"),
        pytest.param("{user}/{target}", "alice/Dataset:id:5/a.tif", "alice", "Dataset:id:5", id="target"),
    ],
)
def test_folders_say_whose_it_is_and_where_it_goes(template: str, path: str, user: str, target: str) -> None:
    found = assign(f"/data/{path}", path=template)

    assert (found.user, found.target) == (user, target)


@pytest.mark.parametrize(
    ("template", "path", "told"),
    [
        (
            "{user}/{project}",
            "alice/a.tif",
            "lies in one folder below the watched one, and {user}/{project} asks for 2",
        ),
        ("{user}", "a.tif", "lies in no folder below the watched one, and {user} asks for one folder"),
        ("{user}_{date}", "alice/a.tif", "'alice' is not of the form {user}_{date}"),
        ("{user}_{date}", "alice_/a.tif", "'alice_' is not of the form"),
        ("{user}_{date}", "jane_doe_2026/a.tif", "'jane_doe_2026' can be read as {user}_{date} in two ways"),
        ("in/{user}", "out/alice/a.tif", "'out' is not of the form in"),
    ],
)
def test_folders_that_do_not_fit_are_told(template: str, path: str, told: str) -> None:
    with pytest.raises(Unassigned) as refused:
        assign(f"/data/{path}", path=template)

    assert told in refused.value.what
    assert refused.value.which == f"/data/{path}"
    assert refused.value.code == "unassigned"


ODD = {
    "spaces": "My  images",
    "braces": "{user} {0} {{x}}",
    "percent": "100 % %s %(a)s",
    "umlauts": "Zellkörper µ",
    "beyond the basic plane": "𝛽-tubulin 🔬",
    "right to left": "تجربة",
    "joined emoji": "👩‍🔬",
    "quotes": 'it\'s "so"',
    "backslash": "a\\b",
    "colons": "Dataset:id:5",
    "target": "Project:name:X",
    "signs": "$(reboot) `x` ;&|<>*?[!]#~",
    "dots": "...",
    "a number": "007",
    "yes": "yes",
    "255 characters": "x" * 255,
}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD.keys())
def test_odd_names_arrive_as_they_are(name: str) -> None:
    found = assign(
        f"/data/alice/{name}/{name}/{name}.tif",
        path="{user}/{project}/{dataset}",
        key_values={"Of": "{project}"},
        tags=["{dataset}"],
    )

    target = Target.parse(found.target or "")
    assert target.project is not None
    assert (target.project.name, target.name) == (name, name)
    assert (found.key_values, found.tags) == ({"Of": name}, (name,))
    assert ImportRequest(sources=["/a"], on_behalf_of=found.user, target=found.target).target == found.target


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("two\nlines", "two lines"),
        ("a\ttab", "a tab"),
        ("\x07bell", "bell"),
        (" blanks around ", "blanks around"),
        ("de\u0301compose\u0301", "décomposé"),
        ("line\u2028separator", "line separator"),
    ],
)
def test_a_name_in_omero_is_one_composed_line(name: str, told: str) -> None:
    assert assign(f"/data/alice/{name}/a.tif", path="{user}/{dataset}").target == f"Dataset:name:{told}"


@pytest.mark.parametrize(
    "user",
    ["two\nlines", "a\x00b", "..", ".", "zero\u200bwidth", "turned\u202eround", "no\u00a0break", " ", "x" * 256],
)
def test_what_can_be_no_login_name_is_nobodys(user: str) -> None:
    with pytest.raises(Unassigned, match="can be no user of OMERO"):
        assign(f"/data/{user}/a.tif", path="{user}")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"project": "{x}{x}"}, "The project would have a name of 256 characters; OMERO takes 255."),
        ({"dataset": "{x}{x}"}, "The dataset would have a name of 256 characters"),
        ({"screen": "{x}{x}"}, "The screen would have a name of 256 characters"),
        ({"name": "{x}{x}"}, "The image would have a name of 256 characters"),
        ({"tags": ["{x}{x}"]}, "The tag would have a name of 256 characters"),
        ({"group": "{x}{x}"}, "can be no group of OMERO"),
        ({"dataset": "{blank}"}, "The dataset would have an empty name."),
        ({"key_values": {str(n): "{x}" * 300 for n in range(2)}}, "more than 50,000 characters together"),
    ],
    ids=["project", "dataset", "screen", "name", "tag", "group", "blank", "pairs"],
)
def test_what_omero_would_not_take_is_refused(how: dict[str, Any], told: str) -> None:
    with pytest.raises(Unassigned) as refused:
        assign(f"/data/alice/{'x' * 128}/\t/day/a.tif", path="{user}/{x}/{blank}", **how)

    assert told in refused.value.what


def test_a_name_that_would_lead_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("folder,user,project\na,alice,P/Dataset:name:X\n")

    with pytest.raises(Unassigned, match="would be taken for another place"):
        assign("/data/a/a.tif", table={"file": f"{tmp_path}/t.csv", "key": "{folder}"})


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{folder}", "Day 1"),
        ("{relative}", "alice/Day 1"),
        ("{file}", "cells.ome.tiff"),
        ("{stem}", "cells.ome"),
        ("{date}", "2023-11-14"),
        ("{{{user}}} of {date}", "{alice} of 2023-11-14"),
    ],
)
def test_every_file_has_these_variables(template: str, filled: str) -> None:
    found = assign("/data/alice/Day 1/cells.ome.tiff", path="{user}", dataset=template)

    assert found.target == f"Dataset:name:{filled}"


def test_files_of_one_folder_differ_where_the_definition_says_so() -> None:
    each = assigner(path="{user}", dataset="{date}", name="{stem}")

    first, second = each.assign(fileset("/data/alice/a.tif")), each.assign(fileset("/data/alice/b.tif", mtime_ns=0))

    assert (first.name, first.target) == ("a", "Dataset:name:2023-11-14")
    assert (second.name, second.target) == ("b", "Dataset:name:1970-01-01")


@pytest.mark.parametrize("mtime_ns", [2**63, -(2**63) * 10, 10**30], ids=["year 2262", "before all time", "far"])
def test_a_clock_that_is_off_stops_nothing(mtime_ns: int) -> None:
    each = assigner(path="{user}", dataset="{date}")

    try:
        found = each.assign(fileset("/data/alice/a.tif", mtime_ns)).target
    except Unassigned as refused:
        found = refused.what

    assert found in {"Dataset:name:2262-04-11", "The time of its last change is no date."}


def test_a_file_in_the_watched_folder_itself_goes_into_a_dataset_of_its_name() -> None:
    assert assign("/data/shared/a.tif", root="/data/shared", user="alice").target == "Dataset:name:shared"


@pytest.mark.parametrize("path", ["/data2/alice/a.tif", "/a.tif", "a.tif"])
def test_what_lies_elsewhere_is_nobodys(path: str) -> None:
    with pytest.raises(Unassigned, match=r"It does not lie below /data\."):
        assign(path, user="alice")


def test_a_pattern_finds_its_groups_in_the_path_below_the_root() -> None:
    found = assign(
        "/data/2026/alice-HeLa/s1_c2.tif",
        pattern=r"/(?P<user>\w+)-(?P<line>\w+)/.*_c(?P<channel>\d)\.tif$",
        dataset="{line}",
        key_values={"Channel": "{channel}"},
    )

    assert (found.user, found.target, found.key_values) == ("alice", "Dataset:name:HeLa", {"Channel": "2"})


def test_a_path_that_does_not_fit_the_pattern_is_told() -> None:
    with pytest.raises(Unassigned, match=r"'alice/a\.tif' does not fit the pattern"):
        assign("/data/alice/a.tif", pattern="^(?P<user>[0-9]+)/")


def test_the_pattern_wins_over_the_path() -> None:
    found = assign("/data/alice/P/bob.tif", path="{user}/{project}", pattern=r"(?P<user>\w+)\.tif$")

    assert (found.user, found.target) == ("bob", "Project:name:P/Dataset:name:P")


@pytest.fixture
def table(tmp_path: Path) -> dict[str, str]:
    text = "\ufeffBooking;User;Group;Project;Screen;Room\n B-1 ;bob;lab;Wounds;;1.17\nB-2;;;;Kinases\nÜ-3;carol\n"
    (tmp_path / "table.csv").write_text(text)
    return {"file": f"{tmp_path}/table.csv", "key": "{booking}"}


def test_a_table_says_whose_it_is_and_where_it_goes(table: dict[str, str]) -> None:
    found = assign("/data/b-1/s/a.tif", path="{booking}", table=table, tags=["room {room}"])

    assert (found.user, found.group) == ("bob", "lab")
    assert (found.target, found.tags) == ("Project:name:Wounds/Dataset:name:s", ("room 1.17",))


@pytest.mark.parametrize("booking", ["ü-3", "U\u0308-3", " Ü-3 "], ids=["case", "decomposed", "blanks"])
def test_the_key_of_a_table_is_found_however_it_is_typed(table: dict[str, str], booking: str) -> None:
    assert assign(f"/data/{booking}/a.tif", path="{booking}", table=table).user == "carol"


def test_the_table_wins_over_the_path(table: dict[str, str]) -> None:
    found = assign("/data/alice/P/B-2/a.tif", path="{user}/{project}/{booking}", table=table)

    assert (found.user, found.target) == ("alice", "Screen:name:Kinases")


def test_what_the_table_leaves_empty_is_not_said_at_all(table: dict[str, str]) -> None:
    with pytest.raises(Unassigned, match="Nothing says whose it is"):
        assign("/data/B-2/a.tif", path="{booking}", table=table)


def test_a_pair_or_tag_of_which_nothing_is_known_is_left_out(table: dict[str, str]) -> None:
    found = assign(
        "/data/ü-3/a.tif", path="{booking}", table=table, tags=["{room}"], key_values={"R": "{room}", "B": "{booking}"}
    )

    assert (found.tags, found.key_values) == ((), {"B": "ü-3"})


def test_a_place_of_which_nothing_is_known_is_told(table: dict[str, str]) -> None:
    with pytest.raises(Unassigned, match=r"Nothing says what \{room\} is, which 'In \{room\}' asks for"):
        assign("/data/ü-3/a.tif", path="{booking}", table=table, project="In {room}")


def test_a_missing_row_is_told(table: dict[str, str]) -> None:
    with pytest.raises(Unassigned, match=r"The table .*table\.csv has no row for 'B-9'\. Add a row"):
        assign("/data/B-9/a.tif", path="{booking}", table=table)


def test_two_places_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("folder,user,screen,dataset\na,alice,S,D\n")

    with pytest.raises(Unassigned, match="into a dataset and into a screen"):
        assign("/data/a/a.tif", table={"file": f"{tmp_path}/t.csv", "key": "{folder}"})


@pytest.mark.parametrize(("text", "error"), [(None, SourceMissing), ("", Misdefined)], ids=["missing", "empty"])
def test_a_faulty_table_stops_the_sweep(tmp_path: Path, text: str | None, error: type[Exception]) -> None:
    if text is not None:
        (tmp_path / "t.csv").write_text(text)

    with pytest.raises(error):
        assigner(table={"file": f"{tmp_path}/t.csv", "key": "{folder}"})


def test_templates_win_over_variables() -> None:
    found = assign(
        "/data/alice/P/a.tif", path="{user}/{project}", user="facility", group="g", dataset="{project} of {user}"
    )

    assert (found.user, found.group) == ("facility", "g")
    assert found.target == "Project:name:P/Dataset:name:P of alice"


def test_a_fixed_target_wins_over_everything() -> None:
    assert assign("/data/alice/P/a.tif", path="{user}/{project}", target="Dataset:id:5").target == "Dataset:id:5"


# Sidecars


def put(folder: Path, said: str = "", **pairs: str) -> Path:
    """Write an import.yml, and a metadata.csv where there are pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    if said:
        (folder / "import.yml").write_text(said)
    if pairs:
        (folder / "metadata.csv").write_text("".join(f"{key},{value}\n" for key, value in pairs.items()))
    return folder


def beside(folder: Path, /, **how: Any) -> Assignment:
    root = next(each for each in (folder, *folder.parents) if each.name == "root")
    return assign(f"{folder}/a.tif", root=root, sidecars=True, **how)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return put(tmp_path / "root")


def test_a_sidecar_says_everything(root: Path) -> None:
    put(
        root,
        "user: alice\ngroup: lab\nproject: P\ndataset: D\nname: N\ndescription: |\n  one\n  two\ntags: [a, 'b']\n"
        "key_values: {Passage: 12, Ready: no, Empty: ''}\nnotify: [a@example.org]\n",
        Stain="DAPI",
    )

    assert beside(root) == Assignment(
        user="alice",
        group="lab",
        target="Project:name:P/Dataset:name:D",
        name="N",
        description="one\ntwo\n",
        tags=("a", "b"),
        key_values={"Stain": "DAPI", "Passage": "12", "Ready": "no"},
        notify=("a@example.org",),
    )


def test_the_nearest_sidecar_wins_word_by_word(root: Path) -> None:
    put(root, "user: alice\nproject: P\ntags: [a]\nkey_values: {A: far, B: far}\n", C="far", A="table")
    put(root / "x", "dataset: D\ntags: [b]\nkey_values: {A: near}\n", C="near")

    found = beside(put(root / "x" / "y"))

    assert (found.user, found.target, found.tags) == ("alice", "Project:name:P/Dataset:name:D", ("b",))
    assert found.key_values == {"A": "near", "B": "far", "C": "near"}


@pytest.mark.parametrize(
    ("far", "near", "target"),
    [
        ("target: 'Dataset:id:5'", "dataset: D", "Dataset:name:D"),
        ("screen: S", "dataset: D", "Dataset:name:D"),
        ("project: P", "screen: S", "Screen:name:S"),
        ("project: P\ndataset: D", "target: 'Screen:id:7'", "Screen:id:7"),
        ("target: 'Dataset:id:5'", "group: lab", "Dataset:id:5"),
    ],
)
def test_a_nearer_place_of_another_kind_replaces_one_further_up(root: Path, far: str, near: str, target: str) -> None:
    put(root, far)

    assert beside(put(root / "x", near), user="alice").target == target


def test_a_sidecar_wins_over_path_and_table_as_to_where_it_goes(root: Path) -> None:
    found = beside(put(root / "alice" / "P", "screen: S\ngroup: other\n"), path="{user}/{project}")

    assert (found.target, found.group) == ("Screen:name:S", "other")


def test_the_definition_wins_over_a_sidecar(root: Path) -> None:
    put(root, "user: bob\ndataset: D\nname: N\ntags: [b]\nkey_values: {A: mine, B: mine}\nnotify: [b@example.org]\n")

    found = beside(
        root, user="alice", dataset="of {dataset}", name="{stem}", tags=["a"], key_values={"A": "x"}, notify=["team"]
    )

    assert (found.user, found.target, found.name) == ("alice", "Dataset:name:of D", "a")
    assert (found.tags, found.key_values, found.notify) == (("a", "b"), {"A": "x", "B": "mine"}, ("team",))


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"user": "alice"}, id="the definition's"),
        pytest.param({"user": "{folder}"}, id="the folder's"),
        pytest.param({"path": "{user}"}, id="in the path"),
        pytest.param({"pattern": "(?P<user>alice)"}, id="in the pattern"),
    ],
)
def test_a_sidecar_takes_nobodys_files_over(root: Path, how: dict[str, Any]) -> None:
    assert beside(put(root / "alice", "user: bob\n"), **how).user == "alice"


def test_a_sidecar_takes_over_no_files_of_which_the_table_or_pattern_should_have_said_it(root: Path) -> None:
    (root / "t.csv").write_text("folder,user\nx,\n")
    put(root / "x", "user: bob\n")

    for how in ({"table": {"file": f"{root}/t.csv", "key": "{folder}"}}, {"pattern": "^(?P<user>[0-9]+)?"}):
        with pytest.raises(Unassigned, match="Nothing says whose it is"):
            beside(root / "x", **how)


def test_the_user_of_a_definition_is_not_made_from_what_a_sidecar_says(root: Path) -> None:
    put(root / "alice", "project: bob\n")

    assert beside(root / "alice", path="{project}", user="{project}").user == "alice"


def test_a_sidecar_cannot_choose_another_row_of_the_table(root: Path) -> None:
    (root / "t.csv").write_text("project,user\nmine,alice\nhers,bob\n")
    put(root / "mine", "project: hers\n")

    found = beside(root / "mine", path="{project}", table={"file": f"{root}/t.csv", "key": "{project}"})

    assert found.user == "alice"


def test_what_stands_in_a_sidecar_is_no_template(root: Path) -> None:
    put(root, "dataset: '{user}'\nkey_values: {A: '{file}'}\n")

    found = beside(root, user="alice")

    assert (found.target, found.key_values) == ("Dataset:name:{user}", {"A": "{file}"})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "line 1: there is nothing in it"),
        ("user: alice\nusr: bob\n", "line 2: usr: there is no such option; is user meant?"),
        ("user: alice\nuser: bob\n", "line 2: user: stands in line 1 already"),
        ("tags: one\n", "line 1: tags: has to be a list"),
        ("tags:\n- a\n- [b]\n", "line 3: tags.1: has to be a text"),
        ("\n\ntarget: Somewhere\n", "line 3: target: 'Somewhere' is no target."),
        ("dataset: D\nscreen: S\n", "line 1: the file: give either screen or dataset"),
        ("user: [a\n", "line 2: this is no YAML"),
        (f"name: {'x' * 256}\n", "line 1: name: String should have at most 255 characters"),
        ("notify: ['https://example.org']\n", "line 1: notify.0: give an e-mail address"),
        ("tags: &a [x]\nnotify: *a\n", "line 2: notify: write it out"),
        ("user: !!python/object/apply:os.system ['true']\n", "line 1: user: has to be a text"),
        ("- user\n", "line 1: it has to begin with names"),
        ("x" * 1_000_001, "line 1: it is larger than 1,000,000 bytes"),
    ],
)
def test_a_faulty_sidecar_is_told_with_its_line(root: Path, said: str, told: str) -> None:
    (root / "import.yml").write_text(said)

    with pytest.raises(Unassigned) as refused:
        beside(root, user="alice")

    assert f"{root}/import.yml: {told}" in refused.value.what
    assert refused.value.advice == "Correct that file, or remove it."


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("key,value\nStain,DAPI\n", {"Stain": "DAPI"}),
        ("\ufeffKey;Value\nStain;DAPI, Hoechst\n", {"Stain": "DAPI, Hoechst"}),
        ("Stain\tDAPI; x\n", {"Stain": "DAPI; x"}),
        ('"Stain, first",DAPI\n\n,,\nB, b ,\n', {"Stain, first": "DAPI", "B": "b"}),
        ("Stain,DAPI\r\nB,\r\nC\r\n", {"Stain": "DAPI", "B": "", "C": ""}),
        ('A,"one\ntwo"\n', {"A": "one\ntwo"}),
        ("", {}),
    ],
    ids=["header", "mark and semicolons", "tabs", "quotes and blanks", "no values", "lines", "empty"],
)
def test_metadata_is_read_as_spreadsheets_write_it(root: Path, text: str, pairs: dict[str, str]) -> None:
    (root / "metadata.csv").write_text(text, newline="")

    assert beside(root, user="alice").key_values == pairs


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"A,b\nC,d,e\n", "line 2: there are more than two columns"),
        (b"A,b\nA,c\n", "line 2: 'A' is there twice"),
        (b",b\n", "line 1: a key has 1 to 255 characters"),
        (b"A,b\nC,\xe9\n", "line 2: it is not UTF-8"),
        (b'A,"b\n', "line 1: this is no CSV"),
    ],
)
def test_faulty_metadata_is_told_with_its_line(root: Path, content: bytes, told: str) -> None:
    (root / "metadata.csv").write_bytes(content)

    with pytest.raises(Unassigned) as refused:
        beside(root, user="alice")

    assert f"{root}/metadata.csv: {told}" in refused.value.what


@pytest.mark.timeout(10)
def test_a_sidecar_that_is_no_file_is_told(root: Path) -> None:
    os.mkfifo(root / "import.yml")

    with pytest.raises(Unassigned, match=r"import\.yml: It is no file\."):
        beside(root, user="alice")


@pytest.mark.parametrize("name", ["import.yml", "metadata.csv"])
def test_a_sidecar_that_leads_out_of_the_root_is_refused(root: Path, name: str) -> None:
    (root.parent / name).write_text("secret: 1\n")
    (root / name).symlink_to(root.parent / name)

    with pytest.raises(Unassigned, match="leads out of the watched folder") as refused:
        beside(root, user="alice")

    assert "secret" not in str(refused.value)


def test_a_sidecar_may_be_a_link_within_the_root(root: Path) -> None:
    put(root / "common", "dataset: D\n")
    (root / "import.yml").symlink_to("common/import.yml")

    assert beside(root, user="alice").target == "Dataset:name:D"


def test_nothing_above_the_root_is_looked_at(root: Path) -> None:
    put(root.parent, "dataset: Elsewhere\n")

    assert beside(root, user="alice").target == "Dataset:name:root"
    assert not assigner(root, user="alice").has_sidecar(str(root))


def test_sidecars_are_left_alone_where_the_definition_does_not_ask_for_them(root: Path) -> None:
    put(root, "nonsense")

    assert assign(f"{root}/a.tif", root=root, user="alice").target == "Dataset:name:root"


def test_a_share_that_does_not_answer_is_no_missing_sidecar(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(path: str) -> os.stat_result:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(sidecars.os, "lstat", away)

    with pytest.raises(SourceAway):
        beside(root, user="alice")


@pytest.mark.parametrize("name", ["import.yml", "metadata.csv"])
def test_a_sidecar_is_there_for_its_folder_and_those_below(root: Path, name: str) -> None:
    put(root / "x" / "y")
    put(root / "z")
    (root / "x" / name).write_text("not looked at")
    each = assigner(root, user="alice")

    there = {folder: each.has_sidecar(f"{root}{folder}") for folder in ("", "/x", "/x/y", "/z")}

    assert there == {"": False, "/x": True, "/x/y": True, "/z": False}


def test_what_was_read_once_counts_for_the_whole_sweep(root: Path) -> None:
    put(root, "dataset: D\n")
    each = assigner(root, user="alice", sidecars=True, name="{stem}")
    first = each.assign(fileset(f"{root}/a.tif"))
    put(root, "dataset: E\n")

    assert each.assign(fileset(f"{root}/b.tif")).target == first.target
    assert assigner(root, user="alice", sidecars=True).assign(fileset(f"{root}/b.tif")).target == "Dataset:name:E"


def test_a_refusal_names_each_file_of_the_folder(root: Path) -> None:
    each = assigner(root, path="{user}")

    for name in ("a.tif", "b.tif"):
        with pytest.raises(Unassigned) as refused:
            each.assign(fileset(f"{root}/{name}"))
        assert refused.value.which == f"{root}/{name}"

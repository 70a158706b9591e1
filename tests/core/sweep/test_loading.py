"""Sweep definitions are read, and every problem of every file is told with its line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.core.errors import Misdefined, SourceMissing, UnknownServer, UnknownSweep
from flows.core.settings import OmeroServer, Root, Settings
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.loading import find_sweep, load_files, load_sweeps, server_of

from .conftest import SERVER

Make = Callable[..., Settings]
SOUND = 'root: /data/a\nassign: {path: "{user}"}\n'


def problems(folder: Path, settings: Settings, **files: str) -> list[str]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    with pytest.raises(Misdefined) as refused:
        load_sweeps(folder, settings)
    return refused.value.what.splitlines()


def test_a_definition_is_named_after_its_file(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "one.yaml").write_text(SOUND)
    (tmp_path / "two-2.yml").write_text(SOUND.replace("/data/a", "/data/b"))
    (tmp_path / "notes.txt").write_text("no definition")
    (tmp_path / ".one.yaml").write_text("an editor's")

    found = load_sweeps(tmp_path, settings())

    assert {name: str(each.root) for name, each in found.items()} == {"one": "/data/a", "two-2": "/data/b"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "a.yaml:1: there is nothing in it", id="empty"),
        pytest.param("# only words\n", "a.yaml:1: there is nothing in it", id="only a comment"),
        pytest.param("- root\n", "a.yaml:1: it has to begin with names", id="a list"),
        pytest.param("words\n", "a.yaml:1: it has to begin with names", id="a text"),
        pytest.param("root: /data\nassign: 'x\n", "a.yaml:3: this is no YAML", id="a quote that is not closed"),
        pytest.param("root: /data\nfiles:\n\tdepth: 1\n", "a.yaml:3: this is no YAML", id="a tab"),
        pytest.param(
            "root: /data\nfiles: {include: [*.tif]}\n",
            "a.yaml:2: this is no YAML: while scanning an alias: expected alphabetic or numeric character, but found "
            "'.'; put a text that begins with one of { [ * & ! | > % @ in quotes",
            id="a pattern without quotes",
        ),
        pytest.param(SOUND + "---\na: 1\n", "a.yaml:3: this is no YAML", id="two documents"),
        pytest.param("root: /data\nx: \x01\n", "a.yaml:2: there is a character that YAML", id="a control character"),
        pytest.param("[" * 3000, "a.yaml:1: it is nested too deeply", id="nested too deeply"),
        pytest.param("root: /data\nroot: /data/x\n", "a.yaml:2: root: stands in line 1 already", id="a key twice"),
        pytest.param(
            SOUND + "files:\n  depth: 1\n  hidden: no\n  depth: 2\n",
            "a.yaml:6: files.depth: stands in line 4 already",
            id="an inner key twice",
        ),
        pytest.param(
            SOUND + "files: &x\n  depth: 1\nmount: *x\n",
            "a.yaml:5: mount: write it out: & and * are not used here",
            id="an alias",
        ),
        pytest.param(SOUND + "5: x\n", "a.yaml:3: the file: 5 has to be a text", id="a number as a name"),
        pytest.param(
            SOUND + "description: 2026-02-30\n", "a.yaml:3: description: '2026-02-30' cannot be read", id="no such day"
        ),
    ],
)
def test_what_is_no_document_is_told_with_its_line(tmp_path: Path, settings: Make, text: str, told: str) -> None:
    found = problems(tmp_path, settings(), a=text)

    assert any(line.startswith(told) for line in found), found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param('assign: {path: "{user}"}\n', "a.yaml:1: root: is missing", id="no root"),
        pytest.param("root: /data\n", "a.yaml:1: assign: is missing", id="no assignment"),
        pytest.param(
            SOUND + "files:\n  hidden: no\n  includ: ['*']\n",
            "a.yaml:5: files.includ: there is no such option; is include meant?",
            id="a wrong name",
        ),
        pytest.param(
            SOUND + "mount:\n  zzz: 1\n",
            "a.yaml:4: mount.zzz: there is no such option; there are: sentinel",
            id="a name like none",
        ),
        pytest.param(
            SOUND + "files:\n  instruments:\n    zen:\n      ingore: [x]\n      ignore: [y]\n",
            "a.yaml:6: files.instruments.zen.ingore: there is no such option; is ignore meant?",
            id="a wrong name below a name of ones own",
        ),
        pytest.param(
            "root: /data\nassign:\n  path: '{project}'\n  user: {user}\n",
            "a.yaml:4: assign.user: has to be a text: put a text that begins with one of { [ * & ! | > % @ in quotes",
            id="braces without quotes",
        ),
        pytest.param(
            "root: /data\nassign: {user: 12}\n",
            "a.yaml:2: assign.user: has to be a text: put numbers, dates, yes and no in quotes",
            id="a number",
        ),
        pytest.param(
            SOUND + "files:\n  exclude: x\n", "a.yaml:4: files.exclude: has to be a list: [one, another]", id="no list"
        ),
        pytest.param(
            SOUND + "files: x\n", "a.yaml:3: files: has to be names, each with a colon and a value", id="no part"
        ),
        pytest.param(
            SOUND + "schedule:\n  every_minutes: 0\n",
            "a.yaml:4: schedule.every_minutes: Input should be greater than or equal to 0.05",
            id="too often",
        ),
        pytest.param(
            SOUND + "schedule:\n  watch: yes\n",
            "a.yaml:3: schedule: give either every_minutes or cron",
            id="no time",
        ),
        pytest.param(
            SOUND + "files:\n  include:\n  - '*'\n  - ''\n",
            "a.yaml:6: files.include.1: String should have at least 1 character",
            id="within a list",
        ),
        pytest.param("root: data\nassign: {user: a}\n", "a.yaml:1: root: data is not absolute", id="a relative root"),
        pytest.param(
            "root: /data/../etc\nassign: {user: a}\n",
            "a.yaml:1: root: /data/../etc: a path may not go up",
            id="upwards",
        ),
        pytest.param("root: /data\nassign: {}\n", "a.yaml:2: assign: say whose the files are", id="nobodys"),
    ],
)
def test_what_the_type_does_not_allow_is_told_with_its_line(
    tmp_path: Path, settings: Make, text: str, told: str
) -> None:
    found = problems(tmp_path, settings(), a=text)

    assert any(line.startswith(told) for line in found), found


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        ("path", "{user}/../x", "folders below the root"),
        ("path", "/{user}", "folders below the root"),
        ("path", "{user", "write {{ and }} for braces"),
        ("path", "{User}", "'User' is no variable"),
        ("path", "{user!r}", "{user} is written without anything behind the name"),
        ("path", "{user:>99999999}", "{user} is written without anything behind the name"),
        ("path", "{user.__class__}", "'user.__class__' is no variable"),
        ("path", "{user}{date}", "put something between two variables"),
        ("path", "{user}/{user}", "each variable once"),
        ("path", "{user}/{screen}/{dataset}", "a screen is in no project"),
        ("pattern", "(?P<user>[a-z]+", "missing ), unterminated subpattern"),
        ("pattern", "[a-z]+", "name what it finds"),
        ("pattern", "(?P<User>.)", "'User' is no variable"),
        ("target", "Dataset:cells", "'cells' is no id"),
        ("notify", "['https://example.org']", "never a URL"),
    ],
)
def test_what_an_assignment_cannot_mean_is_told(
    tmp_path: Path, settings: Make, option: str, text: str, told: str
) -> None:
    value = text if option == "notify" else f"'{text}'"

    (found,) = problems(tmp_path, settings(), a=f"root: /data\nassign:\n  user: alice\n  {option}: {value}\n")

    assert found.startswith(f"a.yaml:4: assign.{option}")
    assert told in found


@pytest.mark.parametrize(
    ("root", "roots"),
    [
        ("/data", {"a": "/data"}),
        ("/data/x/y", {"a": "/data"}),
        ("/data", {"a": "/data/{user}"}),
        ("/data", {"a": "/data/u_{user}"}),
        ("/data", {"a": "/data/{user}/incoming"}),
        ("/data/alice/incoming/x", {"a": "/data/{user}/incoming"}),
        ("/x", {"a": "/{user}"}),
        ("/", {"a": "/{user}"}),
    ],
)
def test_a_root_of_the_courier_holds_the_watched_folder(
    tmp_path: Path, settings: Make, root: str, roots: dict[str, str]
) -> None:
    (tmp_path / "a.yaml").write_text(SOUND.replace("/data/a", root))
    allowed = {name: Root(path=Path(path), everyone=True) for name, path in roots.items()}

    assert str(load_sweeps(tmp_path, settings(roots=allowed))["a"].root) == root


@pytest.mark.parametrize(
    ("root", "roots"),
    [
        ("/data", {}),
        ("/data", {"a": "/data/alice"}),
        ("/database", {"a": "/data"}),
        ("/data/alice/outgoing", {"a": "/data/{user}/incoming"}),
        ("/dat", {"a": "/data/{user}"}),
        ("/data/u_", {"a": "/data/u_{user}"}),
        ("/", {"a": "/data"}),
    ],
)
def test_a_folder_outside_the_couriers_roots_is_refused(
    tmp_path: Path, settings: Make, root: str, roots: dict[str, str]
) -> None:
    allowed = {name: Root(path=Path(path), everyone=True) for name, path in roots.items()}

    (found,) = problems(tmp_path, settings(roots=allowed), a=SOUND.replace("/data/a", root))

    assert found.startswith(f"a.yaml:1: root: {root} lies in none of the courier's roots")


def test_a_root_behind_a_link_counts_by_where_it_leads(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "a.yaml").write_text(SOUND.replace("/data/a", f"{tmp_path}/link"))

    found = load_sweeps(tmp_path, settings(roots={"all": Root(path=tmp_path / "real", everyone=True)}))

    assert list(found) == ["a"]


@pytest.mark.parametrize(
    ("afterwards", "told"),
    [
        ("imported: move", "a.yaml:4: afterwards.imported: the root all does not allow to move its files: add 'move'"),
        ("imported: delete", "a.yaml:4: afterwards.imported: the root all does not allow to delete its files"),
        ("failed: move", "a.yaml:4: afterwards.failed: the root all does not allow to move its files"),
    ],
)
def test_what_happens_afterwards_has_to_be_allowed(tmp_path: Path, settings: Make, afterwards: str, told: str) -> None:
    text = f"{SOUND}afterwards:\n  {afterwards}\n"

    (found,) = problems(tmp_path, settings(), a=text)

    assert found.startswith(told)


def test_of_several_roots_the_deepest_allows(tmp_path: Path, settings: Make) -> None:
    roots = {
        "all": Root(path=Path("/data"), everyone=True, after={"delete"}),
        "a": Root(path=Path("/data/a"), everyone=True),
    }

    (found,) = problems(tmp_path, settings(roots=roots), a=SOUND + "afterwards: {imported: delete}\n")

    assert "the root a does not allow to delete" in found


def test_what_a_deeper_root_allows_a_higher_one_need_not(tmp_path: Path, settings: Make) -> None:
    roots = {
        "all": Root(path=Path("/data"), everyone=True),
        "a": Root(path=Path("/data/a"), everyone=True, after={"delete"}),
    }
    (tmp_path / "a.yaml").write_text(SOUND + "afterwards: {imported: delete}\n")

    assert list(load_sweeps(tmp_path, settings(roots=roots))) == ["a"]


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("cron: '61 * * * *'", "schedule.cron: '61 * * * *' is no cron line: Bad minute"),
        ("cron: '* * * * * *'", "schedule.cron: '* * * * * *' is no cron line: it has five fields"),
        ("cron: '0 0 30 2 *'", "schedule.cron: '0 0 30 2 *'"),
        ("cron: often", "schedule.cron: 'often' is no cron line"),
        ("every_minutes: 5\n  timezone: Europe/Atlantis", "schedule.timezone: 'Europe/Atlantis' is no time zone"),
        ("every_minutes: 5\n  timezone: Europe", "schedule.timezone: 'Europe' is no time zone"),
        ("every_minutes: 5\n  timezone: ../UTC", "schedule.timezone: '../UTC' is no time zone"),
    ],
)
def test_a_time_that_never_comes_is_refused(tmp_path: Path, settings: Make, schedule: str, told: str) -> None:
    (found,) = problems(tmp_path, settings(), a=f"{SOUND}schedule:\n  {schedule}\n")

    assert found.split(": ", 1)[1].startswith(told)


def test_who_is_told_has_to_be_reachable(tmp_path: Path, settings: Make) -> None:
    text = "root: /data\nassign:\n  user: alice\n  notify:\n  - team\n  - tema\n  - a@example.org\n"
    without_mail = settings().notifications.model_copy(update={"mail": None})

    found = problems(tmp_path, settings(notifications=without_mail), a=text)

    assert found == [
        "a.yaml:6: assign.notify.1: no channel is named tema; there are: team",
        "a.yaml:7: assign.notify.2: a@example.org: the settings have no mail server, notifications.mail",
    ]


@pytest.mark.parametrize(
    ("server", "servers", "told"),
    [
        ("server: other\n", {"main": SERVER}, "other is no OMERO server of this courier. There are: main."),
        ("", {"main": SERVER, "second": SERVER}, "There are several OMERO servers: say which."),
        ("", {"main": OmeroServer(host="omero")}, "main has no service account"),
    ],
    ids=["unknown", "one of several", "without a service account"],
)
def test_the_server_has_to_be_known(
    tmp_path: Path, settings: Make, server: str, servers: dict[str, OmeroServer], told: str
) -> None:
    (found,) = problems(tmp_path, settings(servers=servers), a=SOUND + server)

    assert f"server: {told}" in found


def test_the_only_server_need_not_be_named(settings: Make) -> None:
    definition = SweepDefinition.model_validate({"root": "/data", "assign": {"user": "alice"}})

    assert server_of(definition, settings()) == "main"
    with pytest.raises(UnknownServer, match=r"There are: main, second\."):
        server_of(definition, settings(servers={"main": SERVER, "second": SERVER}))


@pytest.mark.parametrize(
    "other", ["/data/a", "/data/a/", "/data/a/deep/er", "/data"], ids=["same", "slash", "within", "around"]
)
def test_no_folder_is_watched_twice(tmp_path: Path, settings: Make, other: str) -> None:
    (found,) = problems(tmp_path, settings(), a=SOUND, b=f"# b\n{SOUND.replace('/data/a', other)}")

    assert found.startswith("b.yaml:2: root: ")
    assert found.endswith("of a.yaml overlap")


def test_neighbours_do_not_overlap(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "a.yaml").write_text(SOUND)
    (tmp_path / "b.yaml").write_text(SOUND.replace("/data/a", "/data/ab"))

    assert list(load_sweeps(tmp_path, settings())) == ["a", "b"]


@pytest.mark.parametrize("name", ["Upper", "with space", "under_score", "-dash", "x" * 41, "dot.ted", "ü"])
def test_a_file_name_that_is_no_label_is_refused(tmp_path: Path, settings: Make, name: str) -> None:
    (found,) = problems(tmp_path, settings(), **{name: SOUND})

    assert found.startswith(f"{name}.yaml:1: the file's name, without its ending, is the name of the sweep")


@pytest.mark.parametrize("name", ["a-dry-run", "a-totals"])
def test_a_name_that_a_report_of_another_sweep_has_is_refused(tmp_path: Path, settings: Make, name: str) -> None:
    assert problems(tmp_path, settings(), **{name: SOUND}) == [
        f"{name}.yaml:1: a name of a sweep does not end in -dry-run or -totals"
    ]


def test_two_files_of_one_name_are_refused(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "a.yml").write_text(SOUND.replace("/data/a", "/data/b"))

    assert problems(tmp_path, settings(), a=SOUND) == ["a.yml:1: a.yaml is a sweep of that name, too"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"root: /data\ndescription: caf\xe9\n", "a.yaml:2: it is not UTF-8"),
        (b"#" * 1_000_001, "a.yaml:1: it is larger than 1,000,000 bytes"),
    ],
    ids=["Latin-1", "huge"],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, settings: Make, content: bytes, told: str) -> None:
    (tmp_path / "a.yaml").write_bytes(content)

    assert problems(tmp_path, settings())[0].startswith(told)


def test_a_byte_order_mark_does_not_matter(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "a.yaml").write_text(SOUND, encoding="utf-8-sig")

    assert list(load_sweeps(tmp_path, settings())) == ["a"]


@pytest.mark.timeout(10)
def test_what_only_looks_like_a_file_is_refused(tmp_path: Path, settings: Make) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to("nowhere")

    assert problems(tmp_path, settings()) == [
        "folder.yaml:1: It is no file.",
        "gone.yaml:1: There is no such file.",
        "pipe.yaml:1: It is no file.",
    ]


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path, settings: Make) -> None:
    found = problems(
        tmp_path,
        settings(),
        a="root: data\nassign:\n  user: a\n  tags: [5]\nlimits: {priority: low}\n",
        b="",
        c=SOUND + "schedule: {cron: x}\nserver: nowhere\n",
    )

    assert [line.split(": ")[0] for line in found] == [
        "a.yaml:1",
        "a.yaml:4",
        "a.yaml:5",
        "b.yaml:1",
        "c.yaml:3",
        "c.yaml:4",
    ]


def test_a_problem_is_told_once(tmp_path: Path, settings: Make) -> None:
    (found,) = problems(tmp_path, settings(), a=SOUND + "description: 2026-02-30\n")

    assert found == "a.yaml:3: description: '2026-02-30' cannot be read; put it in quotes if it is text"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (None, "There is no such file."),
        ("", "line 1: there is no header"),
        ("folder\na\n", "line 1: the header names one column"),
        ("folder,user\na,x\n\nA ,y\n", "line 4: 'A' stands in line 2 already"),
        ("folder,First Name\na,x\n", "line 1: 'first name' is no variable"),
        ("folder,user,user\na,x,y\n", "line 1: user names two columns"),
        ("folder,user\na,x,y\n", "line 2: it has more columns than the header"),
        ('folder,user\na,"x\n', "line 2: this is no CSV"),
    ],
    ids=["missing", "empty", "one column", "key twice", "no variable", "column twice", "long row", "open quote"],
)
def test_a_mapping_table_is_looked_at(tmp_path: Path, settings: Make, table: str | None, told: str) -> None:
    if table is not None:
        (tmp_path / "table.csv").write_text(table)
    text = f"root: /data\nassign:\n  table:\n    key: '{{folder}}'\n    file: {tmp_path}/table.csv\n"

    (found,) = problems(tmp_path, settings(), a=text)

    assert found.startswith(f"a.yaml:5: assign.table.file: {tmp_path}/table.csv: {told}")


@pytest.mark.parametrize(
    ("assign", "told"),
    [
        pytest.param("{user: a, tags: ['{room}']}", "assign.tags.0: nothing says what {room} is", id="in a tag"),
        pytest.param("{user: a, key_values: {A: '{room}'}}", "assign.key_values.A: nothing", id="in a pair"),
        pytest.param("{user: '{usr}', path: '{user}'}", "assign.user: nothing says what {usr} is", id="misspelt"),
        pytest.param("{user: '{user}', sidecars: true}", "assign.user: nothing", id="a user from sidecars only"),
    ],
)
def test_a_variable_that_nothing_sets_is_refused(tmp_path: Path, settings: Make, assign: str, told: str) -> None:
    (found,) = problems(tmp_path, settings(), a=f"root: /data\nassign: {assign}\n")

    assert found.startswith(f"a.yaml:2: {told}")


def test_the_columns_of_the_table_are_variables(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "table.csv").write_text("folder;USER;room\n")
    table = f"{{file: {tmp_path}/table.csv, key: '{{folder}}'}}"
    (tmp_path / "a.yaml").write_text(f"root: /data\nassign: {{table: {table}, tags: ['{{room}}']}}\n")

    assert list(load_sweeps(tmp_path, settings())) == ["a"]


def test_a_table_without_users_leaves_files_nobodys(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "table.csv").write_text("folder,room\n")
    table = f"{{file: {tmp_path}/table.csv, key: '{{folder}}'}}"

    (found,) = problems(tmp_path, settings(), a=f"root: /data\nassign: {{table: {table}}}\n")

    assert found == "a.yaml:2: assign: say whose the files are: the table has no column named user"


def test_one_sweep_is_found_whatever_is_wrong_with_others(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "a.yaml").write_text(SOUND)
    (tmp_path / "b.yaml").write_text("nonsense")

    assert str(find_sweep(tmp_path, "a", settings()).root) == "/data/a"
    with pytest.raises(Misdefined, match=r"^b\.yaml:1: "):
        find_sweep(tmp_path, "b", settings())


def test_a_sweep_that_does_not_exist_is_told_with_those_that_do(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "a.yaml").write_text(SOUND)

    with pytest.raises(UnknownSweep, match=r"no sweep named '\.\./a'; there are: a\."):
        find_sweep(tmp_path, "../a", settings())


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, settings: Make) -> None:
    with pytest.raises(SourceMissing, match="nowhere"):
        load_sweeps(tmp_path / "nowhere", settings())


def test_single_files_can_be_looked_at(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "new.yaml").write_text(SOUND)

    assert list(load_files([tmp_path / "new.yaml"], settings())) == ["new"]

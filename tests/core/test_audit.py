"""The audit trail keeps every line, whole, whoever writes and whenever a new file is begun."""

import json
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.core.audit import AuditEntry, AuditTrail, note
from flows.core.settings import Audit

ENTRY = AuditEntry(
    when=datetime(2026, 11, 23, tzinfo=UTC),
    action="import",
    who="token:microscope-3",
    address="192.0.2.7",
    server="main",
    as_whom="alice",
    sources=("/data/alice/a\nb.tif",),
)
DAY = 86_400
WRITERS, EACH = 3, 200


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def lines(*files: Path) -> list[dict[str, object]]:
    return [json.loads(line) for each in files for line in each.read_text().splitlines()]


def rotated(file: Path) -> list[Path]:
    return sorted(file.parent.glob("audit.*Z.jsonl"))


def numbered(writer: int, number: int) -> AuditEntry:
    return ENTRY.model_copy(update={"import_id": f"{writer}/{number}"})


def write_many(file: Path, writer: int) -> None:
    trail = AuditTrail(Audit(file=file, max_bytes=2000))
    for number in range(EACH):
        trail.write(numbered(writer, number))


def test_each_entry_is_one_line_of_json(file: Path) -> None:
    trail = AuditTrail(Audit(file=file))
    trail.write(ENTRY)
    trail.write(ENTRY.model_copy(update={"action": "cancel"}))

    first, second = lines(file)
    assert first["sources"] == ["/data/alice/a\nb.tif"]
    assert (first["action"], second["action"]) == ("import", "cancel")


def test_what_an_import_did_is_noted_with_its_images(file: Path) -> None:
    done = AuditEntry(when=ENTRY.when, action="imported", server="main", as_whom="alice", import_id="6b1f", images=(7,))

    AuditTrail(Audit(file=file)).write(done)

    assert lines(file) == [
        {
            "when": "2026-11-23T00:00:00Z",
            "action": "imported",
            "server": "main",
            "as_whom": "alice",
            "import_id": "6b1f",
            "images": [7],
        }
    ]


def test_a_file_name_that_is_no_utf8_is_noted_as_it_is(file: Path) -> None:
    name = os.fsdecode(b"/data/alice/gr\xfc\xdfe \xc2\xb5.tif")

    AuditTrail(Audit(file=file)).write(ENTRY.model_copy(update={"sources": (name,)}))

    assert lines(file)[0]["sources"] == [name]


def test_entries_written_side_by_side_do_not_mix(file: Path) -> None:
    trail = AuditTrail(Audit(file=file))
    long = ENTRY.model_copy(update={"sources": tuple(f"/data/alice/{number}" for number in range(2000))})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(trail.write, [long] * 50))

    assert [line["who"] for line in lines(file)] == ["token:microscope-3"] * 50


def test_processes_that_fill_file_after_file_lose_and_tear_no_line(file: Path) -> None:
    start = multiprocessing.get_context("spawn")
    writers = [start.Process(target=write_many, args=(file, writer)) for writer in range(WRITERS)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()

    kept = sorted(str(line["import_id"]) for line in lines(*rotated(file), file))
    assert kept == sorted(f"{writer}/{number}" for writer in range(WRITERS) for number in range(EACH))
    assert len(rotated(file)) > 10


def test_no_file_grows_beyond_its_size_and_all_of_them_stay_private(file: Path) -> None:
    write_many(file, 1)

    files = [*rotated(file), file]
    assert max(each.stat().st_size for each in files) <= 2000
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}


def test_an_entry_longer_than_a_file_may_be_is_kept_whole(file: Path) -> None:
    long = ENTRY.model_copy(update={"sources": ("/data/alice/" + "x" * 5000,)})

    AuditTrail(Audit(file=file, max_bytes=1000)).write(long)

    assert lines(file)[0]["sources"] == list(long.sources)


def test_a_line_that_somebody_was_killed_at_does_not_spoil_the_next(file: Path) -> None:
    file.write_bytes(b'{"when": "2026-11-2')

    AuditTrail(Audit(file=file)).write(ENTRY)

    assert json.loads(file.read_text().splitlines()[1])["who"] == "token:microscope-3"


def test_old_files_are_removed_and_younger_ones_stay(file: Path) -> None:
    write_many(file, 1)
    old, *young = rotated(file)
    os.utime(old, (0, datetime.now(UTC).timestamp() - 3 * DAY))

    AuditTrail(Audit(file=file, keep_days=2))

    assert rotated(file) == young
    assert file.exists()


def test_a_trail_survives_its_file_being_moved_away(file: Path) -> None:
    trail = AuditTrail(Audit(file=file))
    file.rename(file.with_name("audit.jsonl.1"))
    trail.write(ENTRY)

    assert len(lines(file)) == 1


def test_a_trail_that_cannot_be_written_is_noticed_at_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        AuditTrail(Audit(file=tmp_path / "no such folder" / "audit.jsonl"))


def test_no_trail_is_kept_where_none_is_configured(tmp_path: Path) -> None:
    AuditTrail(Audit()).write(ENTRY)

    assert list(tmp_path.iterdir()) == []


def test_what_was_done_is_not_undone_because_it_cannot_be_noted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note(Audit(file=tmp_path / "no such folder" / "audit.jsonl"), ENTRY)

    assert "The audit trail cannot be written" in caplog.text
    assert "token:microscope-3" in caplog.text

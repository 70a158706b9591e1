import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from flows.core.audit import AuditEntry, AuditTrail

ENTRY = AuditEntry(
    when=datetime(2026, 11, 23, tzinfo=UTC),
    action="import",
    who="token:microscope-3",
    address="192.0.2.7",
    server="main",
    as_whom="alice",
    sources=("/data/alice/a\nb.tif",),
)


def test_each_entry_is_one_line_of_json(tmp_path) -> None:
    trail = AuditTrail(tmp_path / "audit.jsonl")
    trail.write(ENTRY)
    trail.write(ENTRY.model_copy(update={"action": "cancel"}))

    first, second = map(json.loads, (tmp_path / "audit.jsonl").read_text().splitlines())
    assert first["sources"] == ["/data/alice/a\nb.tif"]
    assert (first["action"], second["action"]) == ("import", "cancel")


def test_entries_written_side_by_side_do_not_mix(tmp_path) -> None:
    trail = AuditTrail(tmp_path / "audit.jsonl")
    long = ENTRY.model_copy(update={"sources": tuple(f"/data/alice/{number}" for number in range(2000))})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(trail.write, [long] * 50))

    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["who"] for line in lines] == ["token:microscope-3"] * 50


def test_a_trail_survives_its_file_being_rotated(tmp_path) -> None:
    trail = AuditTrail(tmp_path / "audit.jsonl")
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit.jsonl.1")
    trail.write(ENTRY)

    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 1


def test_a_trail_that_cannot_be_written_is_noticed_at_start(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        AuditTrail(tmp_path / "no such folder" / "audit.jsonl")


def test_no_trail_is_kept_where_none_is_configured() -> None:
    AuditTrail(None).write(ENTRY)

"""What the pages about Smuggler's clients show is so: paths, fields, the log, and the settings that they name."""

import re
from datetime import UTC, datetime
from io import StringIO
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from api.runs import ImportState, Run, Step
from api.smuggler.batches import server_of
from api.smuggler.logs import Told, status_log
from api.smuggler.models import AtOmero, ImportElement, NewOmeroSession
from api.smuggler.routes import router
from flows.core.control import Stage
from flows.core.mounts import Mounts, workstation_at
from flows.core.requests import ImportedImage
from flows.core.settings import Settings, read_settings
from flows.core.sources import Source
from flows.core.status import FilesetStatus

from .markdown import ROOT, fences

PAGE = (ROOT / "docs" / "clients" / "smuggler.md").read_text()
INSIGHT = (ROOT / "docs" / "clients" / "omero-insight.md").read_text()


def test_every_path_is_listed_and_no_other() -> None:
    listed = re.findall(r"^\| `([A-Z]+ /ome\S*)` \|", PAGE, re.MULTILINE)
    offered = [f"{next(iter(route.methods))} {route.path}".replace("import_id", "id") for route in router.routes]

    assert sorted(listed) == sorted(each.replace("mail_id", "id") for each in offered)


@pytest.mark.parametrize("model", [ImportElement, NewOmeroSession], ids=lambda model: model.__name__)
def test_every_field_is_explained(model) -> None:
    names = {str(field.alias) for field in model.model_fields.values()}

    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_the_log_is_written_as_it_is_shown() -> None:
    begin, end = (datetime(2026, 11, 23, 10, 15, second, tzinfo=UTC) for second in (2, 20))
    image = ImportedImage(id=101, name="cells.tif", size_x=1, size_y=1, size_z=1, size_c=1, size_t=1)
    status = FilesetStatus(
        name="cells.tif", stage=Stage.DONE, bytes_total=1, files=("/data/alice/cells.tif",), key="k", images=(image,)
    )
    run = Run(
        id=UUID("0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f"),
        name="alice: cells.tif",
        server="main",
        user="alice",
        state=ImportState.COMPLETED,
        created=begin,
        due=begin,
        key="k",
        fingerprint="",
        request={"sources": ["/data/alice/cells.tif"], "notify": ["alice@example.org"]},
    )
    states = (ImportState.SCHEDULED, ImportState.RUNNING, ImportState.COMPLETED)
    steps = [Step(when=moment, state=state) for moment, state in zip((begin, begin, end), states, strict=True)]
    import_id = "AZLwwXobfD2OT1prfI2eDwAA1d3lKhl8PZc7Zz1RmTjgIg"
    told = Told(import_id, "omero.example.org:4064", "https://omero.example.org", 0)

    assert status_log(run, steps, (status,), told).endswith(fences(PAGE, "text")[0].text)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of the page about Insight, all of them together."""
    text = re.sub(r"^\s+", "", "".join(fence.text for fence in fences(INSIGHT, "ini")), flags=re.MULTILINE)
    monkeypatch.setenv("COURIER_SEAL_KEYS", f'["{Fernet.generate_key().decode()}"]')
    for name, value in dotenv_values(stream=StringIO(text), interpolate=False).items():
        monkeypatch.setenv(name, str(value))
    return read_settings()


def test_the_settings_shown_say_where_insights_files_are(shown: Settings) -> None:
    mounts = Mounts.of(shown.mounts, workstation_at(shown, "10.1.2.3"))

    assert mounts.seen(Source.parse("C:\\Data\\alice\\x.lif")).path == "/mnt/scope1/Data/alice/x.lif"


def test_the_settings_shown_know_omero_by_each_name_of_the_table(shown: Settings) -> None:
    rows = re.findall(r"^\| `\S+` \| `(\S+?)`(?:, `(\d+)`)? \| `(\S+)` \|$", INSIGHT, re.MULTILINE)
    asked = [{"omeroHost": host} | ({"omeroPort": port} if port else {}) for host, port, _ in rows]
    meant = [AtOmero.model_validate(each) for each in asked]

    assert [f"{each.omero_host}:{each.omero_port}" for each in meant] == [means for *_, means in rows]
    assert {server_of(each, shown.servers) for each in meant} == {"main"}
    assert len(meant) == 4

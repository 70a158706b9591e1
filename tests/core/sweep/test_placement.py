"""What a definition may say of how files get into OMERO's repository."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.core.errors import Misdefined
from flows.core.requests import Placement
from flows.core.settings import InPlace, Settings
from flows.core.sweep.definition import Limits
from flows.core.sweep.handover import hand_over
from flows.core.sweep.loading import load_sweeps

from .conftest import SERVER
from .test_handover import new

Make = Callable[..., Settings]
SOUND = 'root: /data/a\nassign: {path: "{user}"}\n'


def test_a_placement_has_to_be_allowed_by_the_settings(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "a.yaml").write_text(f"{SOUND}placement: cp\n")

    with pytest.raises(Misdefined, match=r"a.yaml:3: placement: .* takes files by upload"):
        load_sweeps(tmp_path, settings())

    allowing = SERVER.model_copy(update={"in_place": InPlace(placements=frozenset({"cp"}))})
    found = load_sweeps(tmp_path, settings(servers={"main": allowing}))
    assert found["a"].placement is Placement.CP


def test_files_that_omero_reads_in_place_are_kept(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "a.yaml").write_text(f"{SOUND}placement: ln_s\nafterwards: {{imported: delete}}\n")
    allowing = SERVER.model_copy(update={"in_place": InPlace(placements=frozenset({"ln_s"}))})

    with pytest.raises(Misdefined, match=r"OMERO reads the files where they are, with placement ln_s: keep them"):
        load_sweeps(tmp_path, settings(servers={"main": allowing}))


def test_the_import_is_asked_for_with_it() -> None:
    (batch,) = hand_over([new("/d/1")], Limits()).batches

    assert batch.request(bulk=True, placement=Placement.LN).placement is Placement.LN
    assert batch.request(bulk=True).placement is Placement.UPLOAD

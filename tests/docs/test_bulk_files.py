"""The table of the keys of OMERO's bulk files names each that the code knows, and no other."""

import re

import yaml

from flows.core.bulk import translate
from flows.core.bulk.keys import FOLLOWED, NO_TRANSFERS, REFUSED, TOLD, TRANSFERS

from .markdown import ROOT

PAGE = (ROOT / "docs" / "metadata.md").read_text().partition("## OMERO's bulk files")[2]
ROWS = re.findall(r"^\| (`.*?) \| (.*) \|$", PAGE, re.MULTILINE)


def test_each_key_stands_in_the_table_as_what_it_is() -> None:
    named = {key: said for keys, said in ROWS for key in re.findall(r"`(\w+)`", keys + said)}
    told = {key for keys, said in ROWS for key in re.findall(r"`(\w+)`", keys) if said.startswith("not followed")}
    refused = {key for keys, said in ROWS for key in re.findall(r"`(\w+)`", keys) if said == "refused"}

    assert set(FOLLOWED) <= named.keys()
    assert (told, refused) == (set(TOLD), set(REFUSED))
    assert TRANSFERS.keys() | {"ln_rm"} <= named.keys() | NO_TRANSFERS.keys()


def test_the_example_is_read() -> None:
    example = PAGE.partition("```yaml\n")[2].partition("```")[0]
    said = yaml.safe_load(example)
    files = {"/a/b/files.tsv": "Dataset:1\tN\tx.tif", "/a/facility.yml": "description: ours"}

    told = translate(example, "/a/b/bulk.yml", "/a/b", lambda path, _most: files[path], 1000)

    assert said["columns"] == ["target", "name", "path"]
    assert (told.options.placement, told.options.target, told.options.name) == ("ln_s", "Dataset:1", "N")

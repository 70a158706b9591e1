"""The folder of the sandbox that imports itself, with a sweep definition to begin with."""

import json

from deployments.sandbox.home import Home
from deployments.sandbox.images import make_small_ome_tiff
from deployments.sandbox.people import EASY_TO_TYPE

NAME = "watched"


def watch_a_folder(home: Home) -> None:
    """Write the definition, unless somebody changed it, and make the folders, with one image in alice's."""
    for user in EASY_TO_TYPE:
        (home.watched / user).mkdir(exist_ok=True)
    image = home.watched / "alice" / "Mitosis" / "First look" / "cells.ome.tiff"
    if not image.exists():
        image.parent.mkdir(parents=True, exist_ok=True)
        make_small_ome_tiff(image)
    definition = home.sweeps / f"{NAME}.yaml"
    if not definition.exists():
        definition.write_text(DEFINITION.format(root=json.dumps(str(home.watched))))


DEFINITION = """\
# What is put below {root}, as in alice/Mitosis/First look/cells.ome.tiff, is imported for alice
# into the dataset First look of the project Mitosis.
root: {root}
description: What is put into this folder imports itself.
schedule:
  every_minutes: 0.5
settled:
  quiet_minutes: 0.1
assign:
  path: "{{user}}/{{project}}/{{dataset}}"
"""

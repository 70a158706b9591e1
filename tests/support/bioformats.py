"""What tests of Bio-Formats need, and what they say where it is not there."""

import pytest

from flows.core.bioformats.locate import located
from flows.core.settings import BioFormats

NEEDED = "Bio-Formats is not asked here: that needs Java 11 (apt-get install default-jre-headless) and `make setup`"
needs_bioformats = pytest.mark.skipif(located(BioFormats()) is None, reason=NEEDED)

"""Bio-Formats, where it is installed: says which files belong together, and what is in them. Asked of one process."""

from flows.core.bioformats.answers import Grouped, Images, Plane
from flows.core.bioformats.ask import BioFormats, bioformats_of
from flows.core.bioformats.locate import installed_jar

__all__ = ["BioFormats", "Grouped", "Images", "Plane", "bioformats_of", "installed_jar"]

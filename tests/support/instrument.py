"""A microscope that saves images as microscopes do: slowly, in pieces, under other names first, or not to the end."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from deployments.sandbox.images import make_ome_tiff_set, make_small_ome_tiff

PIECES = 6
LATE = 24
"""Steps until the companion of a set follows."""


class Instrument:
    """Saves into a folder, step by step: whoever calls `steps` decides how long each takes."""

    def __init__(self, folder: Path, workshop: Path, *, seed: int, sets: bool) -> None:
        """Take the watched folder, and one beside it where images are made first; some may be sets of files."""
        self._sets = sets
        self._folder, self._workshop = folder, workshop
        self._chance = random.Random(seed)
        self.finished: set[str] = set()
        """Names of the images that were saved to the end."""
        self.begun: set[str] = set()
        """Names of those that never will be."""

    def steps(self, images: int) -> Iterator[None]:
        """Save so many images, several at a time."""
        left = [self._saves(number) for number in range(images)]
        at_work = [left.pop() for _ in range(min(3, len(left)))]
        while at_work:
            current = self._chance.choice(at_work)
            if next(current, "over") == "over":
                at_work.remove(current)
                if left:
                    at_work.append(left.pop())
            yield

    @property
    def _ways(self) -> tuple[Callable[[Path, Path], Iterator[None]], ...]:
        return self._slowly, self._renamed, self._with_pauses, self._dies, self._at_once

    def _saves(self, number: int) -> Iterator[None]:
        turn = number % (len(self._ways) + self._sets)
        if turn == len(self._ways):
            return self._in_several_files(f"set-{number:02d}")
        return self._in_one_file(f"cell-{number:02d}.ome.tiff", self._ways[turn])

    def _in_several_files(self, name: str) -> Iterator[None]:
        """A TIFF for each channel and, long after these have settled, the companion that says what they are."""
        companion, *tiffs = make_ome_tiff_set(self._workshop, name=name)
        for each in tiffs:
            yield from self._slowly(each, self._folder / each.name)
        for _ in range(LATE):
            yield
        shutil.copyfile(companion, self._folder / companion.name)
        self.finished.add(companion.name)  # as OMERO names an image: after the file that it opens
        yield

    def _in_one_file(self, name: str, way: Callable[[Path, Path], Iterator[None]]) -> Iterator[None]:
        made = make_small_ome_tiff(self._workshop / name)
        yield from way(made, self._folder / name)
        (self.begun if way == self._dies else self.finished).add(name)

    def _slowly(self, made: Path, place: Path) -> Iterator[None]:
        """In pieces, one after the other."""
        content = made.read_bytes()
        length = -(-len(content) // PIECES)
        with place.open("wb") as file:
            for start in range(0, len(content), length):
                file.write(content[start : start + length])
                file.flush()
                yield

    def _renamed(self, made: Path, place: Path) -> Iterator[None]:
        """Under another name until it is complete."""
        partial = place.with_name(f"{place.name}.tmp")
        yield from self._slowly(made, partial)
        partial.rename(place)

    def _with_pauses(self, made: Path, place: Path) -> Iterator[None]:
        """With a pause in the middle; its place is reserved at once, as many programs do."""
        content = made.read_bytes()
        with place.open("wb") as file:
            file.truncate(len(content))
            for _ in range(2 * PIECES):
                os.utime(place)
                yield
            file.write(content)

    def _dies(self, made: Path, place: Path) -> Iterator[None]:
        """Half of it only: somebody pulled the plug."""
        content = made.read_bytes()
        place.write_bytes(content[: len(content) // 2])
        yield

    def _at_once(self, made: Path, place: Path) -> Iterator[None]:
        """Copied there by a person."""
        shutil.copyfile(made, place)
        yield

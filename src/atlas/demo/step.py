"""One step of the journey: what it makes, what it says of that, and the command that does the same by hand."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath

from atlas.progress import Progress


@dataclass(frozen=True)
class Step:
    """One step: its title, the command a user would type, what it leaves behind, and how to make and to tell it."""

    title: str
    command: str
    result: FilePath
    make: Callable[[Progress, bool], object]  # with False, unfinished work is taken up; with True, all is made anew
    tell: Callable[[], list[str]]

    def run(self, progress: Progress, *, anew: bool) -> bool:
        """Whether the result had to be made: it is reused when it is there, unless all is wanted `anew`.

        Raises what the stages raise.
        """
        if self.result.exists() and not anew:
            return False
        self.make(progress, anew)
        return True


def atlas_command(*words: object) -> str:
    """The words as a user types them."""
    return shlex.join(["atlas", *map(str, words)])

"""How long work tells of itself, without knowing who listens: a terminal, a log, or nobody."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What a stage calls while it works. The command line draws it; a program may pass its own."""

    def begin(self, task: str, total: int | None = None) -> None:
        """A new task starts; `total` counts its steps where that is known."""

    def advance(self, count: int = 1, status: str = "") -> None:
        """`count` more steps are done; `status` holds the figures worth seeing now."""

    def say(self, line: str) -> None:
        """One line that should stay on the screen."""


class Silent:
    """A listener that ignores everything."""

    def begin(self, task: str, total: int | None = None) -> None:
        """Nothing happens."""

    def advance(self, count: int = 1, status: str = "") -> None:
        """Nothing happens."""

    def say(self, line: str) -> None:
        """Nothing happens."""

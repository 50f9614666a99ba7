"""Why a row is left out of a data set. A bad row costs itself and nothing else."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The words under which `build.json` counts rejected rows."""

    BROKEN_ROW = "broken row"
    URL = "url instead of a picture"
    NO_PICTURE = "no picture"
    MISSING_FILE = "missing file"
    TOO_BIG = "picture too big"
    UNREADABLE = "unreadable picture"
    NOT_COLLECTED = "not in the crawl"
    NOT_FETCHED = "picture not fetched"
    CHANGED = "picture changed"
    NO_URL = "no url of the picture"
    UNMAPPED = "store path not mapped"
    NO_PLACE = "store path rejected"
    EMPTY_PATH = "empty path"
    EMPTY_LEVEL = "empty level"
    TOO_DEEP = "path too deep"
    BAD_NAME = "bad name in path"
    NO_SPLIT = "no split"
    OUTSIDE = "outside the tree"
    RARE = "rare path"
    TWIN = "twin of a held-out picture"
    TAKEN_OUT = "taken out by a patch"
    ZOOMED = "close-up"
    NO_CLOSEUP = "no close-up to cut"


#: Rows that were left out because the user asked for it: no failure of theirs.
BY_CHOICE = frozenset({Reason.RARE, Reason.TWIN, Reason.NO_PLACE, Reason.TAKEN_OUT, Reason.ZOOMED, Reason.NO_CLOSEUP})


class RowError(Exception):
    """One row that cannot be used; caught where rows are read."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

"""One error tree. Every message says what was seen, what is allowed and what to do next."""

from __future__ import annotations


class AtlasError(Exception):
    """Anything Atlas refuses to do; the command line prints it without a traceback and exits with `exit_code`."""

    exit_code = 2


class UsageError(AtlasError):
    """A wrong option, a missing file, an output that exists already: the call must change."""


class TaxonomyError(AtlasError):
    """A category tree that cannot be read, or a path that is not in it."""


class DataError(AtlasError):
    """A table, data set or predictions file that is not what it should be."""


class ImageError(AtlasError):
    """One picture that cannot be read. Costs its own row, never the others."""


class RecipeError(AtlasError):
    """A recipe with an unknown key or a value of the wrong kind."""


class BundleError(AtlasError):
    """A model folder that is damaged, cut, edited by hand or foreign."""


class WeightsError(AtlasError):
    """Pretrained weights that cannot be had. Atlas never falls back to random ones silently."""


class NothingDoneError(AtlasError):
    """No row succeeded, so there is no output."""

    exit_code = 3


class MissingExtraError(AtlasError):
    """A library that belongs to an extra which is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the '{extra}' extra, which is not installed: pip install 'atlas-categorizer[{extra}]'"
        )
        self.extra = extra

"""Atlas puts products into a store's category tree by looking at them.

    import atlas

    categorizer = atlas.load("model")
    prediction = categorizer.predict("shirt.jpg")
    print(prediction.path, prediction.probability)

Names are imported when they are first used, so that `import atlas` costs nothing; none of them needs torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atlas.errors import AtlasError
    from atlas.records import Alternative, Prediction
    from atlas.stages.categorizer import Categorizer, load
    from atlas.taxonomy.files import load_taxonomy
    from atlas.taxonomy.tree import Taxonomy

    __version__: str

_HOMES = {
    "load": "atlas.stages.categorizer",
    "Categorizer": "atlas.stages.categorizer",
    "Prediction": "atlas.records",
    "Alternative": "atlas.records",
    "Taxonomy": "atlas.taxonomy.tree",
    "load_taxonomy": "atlas.taxonomy.files",
    "AtlasError": "atlas.errors",
}

__all__ = [
    "Alternative",
    "AtlasError",
    "Categorizer",
    "Prediction",
    "Taxonomy",
    "__version__",
    "load",
    "load_taxonomy",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version("atlas-categorizer")
    else:
        raise AttributeError(f"module 'atlas' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

"""What the sources of a page say of its product, each for itself, and how they become one listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from atlas.collect.reading.picture_sizes import ImageLink, distinct_pictures


@dataclass(frozen=True)
class Facts:
    """What one source says; a field is empty where it says nothing. `source` is its name in plain words.

    `breadcrumb` is the way to the product as the page shows it, `category` the words that a product is filed under,
    often those of a foreign tree.
    """

    source: str
    title: str = ""
    price: float | None = None
    currency: str | None = None
    breadcrumb: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    images: tuple[ImageLink, ...] = ()
    product_id: str = ""
    elsewhere: bool = False  # it gives the product another address than the page's


class Merged(NamedTuple):
    """The first that each field is told by, and by which source."""

    facts: Facts
    images: tuple[str, ...]
    sources: dict[str, str]


def of_one_product(told: Sequence[Facts], sure: str) -> list[Facts]:
    """The facts without those on products that only appear on the page.

    Such a product has an address elsewhere and another title than the first one that is named; what the source `sure`
    says always stays.
    """
    lead = next((facts.title for facts in told if facts.title and facts.source != sure), "")
    return [facts for facts in told if not facts.elsewhere or facts.title == lead]


def merge(told: Sequence[Facts], gallery: frozenset[str]) -> Merged:
    """One account of what several sources say, the surest first: each field is taken from the first that has it.

    Pictures of the sources named in `gallery` are put together, because each often knows only some; where there are
    none, the first other source with any gives them.
    """
    chosen: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name in ("title", "price", "currency", "breadcrumb", "category", "product_id"):
        first = next((facts for facts in told if getattr(facts, name)), None)
        if first:
            chosen[name], sources[name] = getattr(first, name), first.source
    seen = [facts for facts in told if facts.images]
    showing = seen[:1] if seen and seen[0].source not in gallery else [f for f in seen if f.source in gallery]
    images = distinct_pictures(link for facts in showing for link in facts.images)
    if images:
        sources["images"] = ", ".join(dict.fromkeys(facts.source for facts in showing))
    return Merged(Facts("merged", **chosen), images, sources)

"""What the drawn store sells: the table of its leaves, their cloth, names and prices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from atlas.demo import menswear, womenswear
from atlas.demo.canvas import Colour, darker, lighter, mix
from atlas.demo.fabrics import COLOURS, DENIMS, GOLD, Fabric
from atlas.demo.tailor import Look, Tailor
from atlas.records import Path
from atlas.taxonomy.tree import parse_path

SHIRTING = ("Plain", "Striped", "Checked", "Pinstriped", "Dotted")
PRINTS = ("Plain", "Floral", "Dotted", "Striped", "Zigzag")
SILKS = ("Woven", "Plain", "Floral")
DULL = ("White", "Cream", "Grey")
ALL = tuple(COLOURS)
BRIGHT = tuple(name for name in COLOURS if name not in DULL)
DARK = ("Charcoal", "Black", "Navy", "Olive", "Brown", "Maroon", "Khaki", "Grey", "Teal")
PALE = ("White", "Cream", "Grey", "Sky", "Mint", "Black", "Navy")


@dataclass(frozen=True)
class Leaf:
    """One kind of garment: its place in the tree, how it is drawn, and what it is made of."""

    name: str
    draw: Callable[[Tailor], None]
    focus: Literal["upper", "lower", "whole"]  # the part of a person that a close picture shows
    nouns: tuple[str, ...]
    price: tuple[int, int]
    patterns: tuple[str, ...] = ("Plain",)
    colours: tuple[str, ...] = ALL
    lies_flat: bool = True

    @property
    def path(self) -> Path:
        """The category path."""
        return parse_path(self.name)

    @property
    def gender(self) -> str:
        """Who wears it: the first level's name."""
        return self.path[0]


LEAVES: tuple[Leaf, ...] = (
    Leaf(
        "Men > Western Wear > Shirts", menswear.shirt, "upper", ("Casual Shirt", "Oxford Shirt"), (699, 2499), SHIRTING
    ),
    Leaf(
        "Men > Western Wear > Jeans",
        menswear.jeans,
        "lower",
        ("Straight Jeans", "Regular Jeans"),
        (999, 3499),
        ("Denim",),
    ),
    Leaf(
        "Men > Western Wear > Shorts",
        menswear.shorts,
        "lower",
        ("Cargo Shorts", "Chino Shorts"),
        (499, 1499),
        ("Plain", "Checked", "Striped"),
    ),
    Leaf(
        "Men > Western Wear > Jackets",
        menswear.jacket,
        "upper",
        ("Bomber Jacket", "Biker Jacket"),
        (1499, 5999),
        ("Plain", "Ribbed"),
        DARK,
    ),
    Leaf(
        "Men > Western Wear > Blazers & Suits",
        menswear.suit,
        "whole",
        ("Two-Piece Suit", "Tailored Suit"),
        (3999, 12999),
        ("Plain", "Pinstriped", "Checked"),
        DARK,
    ),
    Leaf(
        "Men > Western Wear > Sweatshirt & Hoodies",
        menswear.hoodie,
        "upper",
        ("Hoodie", "Pullover Hoodie"),
        (899, 2999),
    ),
    Leaf(
        "Men > Ethnic Wear > Kurta",
        menswear.kurta,
        "whole",
        ("Cotton Kurta", "Festive Kurta"),
        (599, 2999),
        ("Plain", "Striped", "Woven"),
    ),
    Leaf(
        "Men > Ethnic Wear > Sherwani",
        menswear.sherwani,
        "whole",
        ("Wedding Sherwani", "Silk Sherwani"),
        (4999, 19999),
        SILKS[:2],
    ),
    Leaf(
        "Men > Ethnic Wear > Dhoti Kurta",
        menswear.dhoti_kurta,
        "whole",
        ("Dhoti Kurta Set",),
        (1299, 4999),
        ("Plain", "Woven"),
    ),
    Leaf(
        "Men > Inner Wear > Vests",
        menswear.vest,
        "upper",
        ("Ribbed Vest", "Cotton Vest"),
        (199, 699),
        ("Plain", "Ribbed"),
        PALE,
    ),
    Leaf("Men > Inner Wear > Boxers", menswear.boxers, "lower", ("Boxers", "Printed Boxers"), (249, 899), SHIRTING),
    Leaf("Women > Western Wear > Tops & Tees", womenswear.top, "upper", ("Top", "Tee"), (299, 1499), PRINTS),
    Leaf(
        "Women > Western Wear > Jeans",
        womenswear.jeans,
        "lower",
        ("High-Rise Jeans", "Skinny Jeans"),
        (999, 3499),
        ("Denim",),
    ),
    Leaf(
        "Women > Western Wear > Shorts",
        womenswear.shorts,
        "lower",
        ("High-Rise Shorts", "Summer Shorts"),
        (499, 1499),
        ("Plain", "Denim", "Floral"),
    ),
    Leaf(
        "Women > Western Wear > Dresses", womenswear.dress, "whole", ("Midi Dress", "Summer Dress"), (899, 3999), PRINTS
    ),
    Leaf(
        "Women > Western Wear > Skirts", womenswear.skirt, "lower", ("Flared Skirt", "Midi Skirt"), (599, 2499), PRINTS
    ),
    Leaf(
        "Women > Western Wear > Jackets Shrugs & Cardigans",
        womenswear.cardigan,
        "upper",
        ("Cardigan", "Long Shrug"),
        (799, 3499),
        ("Plain", "Ribbed", "Striped"),
    ),
    Leaf(
        "Women > Western Wear > Dungarees",
        womenswear.dungarees,
        "whole",
        ("Dungarees", "Pinafore Dungarees"),
        (1199, 3499),
        ("Denim", "Plain"),
    ),
    Leaf(
        "Women > Ethnic Wear > Sarees",
        womenswear.saree,
        "whole",
        ("Silk Saree", "Cotton Saree"),
        (999, 14999),
        SILKS,
        BRIGHT,
        lies_flat=False,
    ),
    Leaf(
        "Women > Ethnic Wear > Salwar Kameez & Kurtis",
        womenswear.salwar_kameez,
        "whole",
        ("Salwar Suit", "Kurti Set"),
        (799, 4999),
        ("Plain", "Floral", "Woven"),
        BRIGHT,
    ),
    Leaf(
        "Women > Ethnic Wear > Lehenga Choli",
        womenswear.lehenga_choli,
        "whole",
        ("Lehenga Choli", "Bridal Lehenga"),
        (2999, 24999),
        SILKS,
        BRIGHT,
        lies_flat=False,
    ),
    Leaf(
        "Women > Inner Wear > Bathrobes",
        womenswear.bathrobe,
        "whole",
        ("Bathrobe", "Spa Robe"),
        (899, 2999),
        ("Terry", "Striped"),
        ("White", "Cream", "Sky", "Mint", "Pink", "Lavender", "Grey"),
    ),
)


def choose_look(leaf: Leaf, dice: Random) -> tuple[Look, str]:
    """A look of one product, and the words for it ("Navy Striped"), by the dice."""
    pattern = dice.choice(leaf.patterns)
    palette = DENIMS if pattern == "Denim" else {name: COLOURS[name] for name in leaf.colours}
    name = dice.choice(sorted(palette))
    colour = _wobbled(palette[name], dice)
    fabric = Fabric(colour, _accent(colour, pattern, dice), pattern, size=dice.uniform(2.6, 4.6))
    trim = GOLD if "Ethnic" in leaf.name and dice.random() < 0.45 else COLOURS[dice.choice(sorted(BRIGHT))]
    quiet = dice.choice(((236, 234, 228), (70, 72, 80), (176, 178, 184), (206, 190, 160), (52, 58, 82)))
    words = name if pattern == "Plain" else f"{name} {pattern}"
    return Look(fabric, trim, quiet, cut=dice.random(), detail=dice.randrange(3)), words


def _wobbled(colour: Colour, dice: Random) -> Colour:
    """Nearly the same colour: no two dyes are alike."""
    return mix(colour, (dice.randrange(256), dice.randrange(256), dice.randrange(256)), dice.uniform(0, 0.12))


def _accent(colour: Colour, pattern: str, dice: Random) -> Colour:
    """A second colour that can be told from the first."""
    if pattern == "Woven":
        return GOLD if sum(colour) < 540 else mix(GOLD, (120, 60, 20), 0.4)
    bright = sum(colour) > 420
    if dice.random() < 0.5:
        return darker(colour, 0.45) if bright else lighter(colour, 0.65)
    other = COLOURS[dice.choice(sorted(BRIGHT))]
    return darker(other, 0.2) if bright else lighter(other, 0.45)

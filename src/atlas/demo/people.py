"""The people of the drawn store: what stays the same from picture to picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from atlas.demo.canvas import Colour


@dataclass(frozen=True)
class Build:
    """Half widths of a body at its landmarks."""

    shoulder: float
    chest: float
    waist: float
    hip: float
    neck: float
    arm: tuple[float, float, float]  # shoulder, elbow, wrist
    leg: tuple[float, float, float]  # thigh, knee, ankle
    jaw: float

    def scaled(self, factor: float) -> Build:
        """A slimmer or stouter body of the same kind."""
        names = ("shoulder", "chest", "waist", "hip")
        return replace(self, **{name: getattr(self, name) * factor for name in names})


BUILDS = {
    "Men": Build(12.8, 10.6, 9.4, 9.2, 3.1, (2.9, 2.4, 1.8), (4.7, 3.5, 2.3), 4.6),
    "Women": Build(9.6, 8.4, 6.2, 9.6, 2.0, (2.1, 1.8, 1.3), (4.8, 3.1, 1.8), 3.3),
}
SKINS: tuple[Colour, ...] = (
    (250, 222, 198),
    (240, 200, 166),
    (222, 176, 136),
    (198, 146, 104),
    (164, 112, 76),
    (124, 82, 58),
    (102, 68, 50),
)
HAIRS: tuple[Colour, ...] = (
    (34, 28, 30),
    (52, 38, 34),
    (84, 54, 38),
    (120, 74, 44),
    (196, 150, 84),
    (150, 66, 36),
    (150, 146, 148),
)
HAIRSTYLES = {
    "Men": ("curls", "quiff", "shaven", "short", "turban"),
    "Women": ("bob", "braid", "bun", "locks", "long", "long with fringe", "ponytail"),
}
SHOES: tuple[Colour, ...] = ((52, 46, 50), (120, 76, 52), (214, 208, 200), (70, 84, 120))


@dataclass(frozen=True)
class Person:
    """One model: the same face, hair and body on every picture of a product."""

    gender: str
    build: Build
    skin: Colour
    hair: Colour
    hairstyle: str
    extras: frozenset[str]
    shoes: Colour

    @classmethod
    def meet(cls, gender: str, dice: Random) -> Person:
        """Somebody of that gender, by the dice."""
        chances = {"beard": 0.4, "moustache": 0.4, "glasses": 0.15, "earrings": 0.5, "bindi": 0.3}
        return cls(
            gender=gender,
            build=BUILDS[gender].scaled(dice.uniform(0.93, 1.1)),
            skin=dice.choice(SKINS),
            hair=dice.choice(HAIRS),
            hairstyle=dice.choice(HAIRSTYLES[gender]),
            extras=frozenset(extra for extra, chance in chances.items() if dice.random() < chance),
            shoes=dice.choice(SHOES),
        )

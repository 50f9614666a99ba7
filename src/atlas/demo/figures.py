"""Bodies in poses: the landmarks that garments hang on, and the drawing of what no garment covers.

Lengths are in hundredths of a person's height: x to the right from the middle line, y down from the top of the head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from atlas.demo import heads
from atlas.demo.canvas import Canvas, Point, along, corners, darker, mirrored, oval, smooth, tube
from atlas.demo.people import Person

NECK, SHOULDER, CHEST, WAIST, HIP, CROTCH, KNEE, ANKLE = 17.6, 20.0, 27.5, 38.0, 47.0, 51.5, 72.0, 93.5
UPPER_ARM, LOWER_ARM = 15.5, 14.0


@dataclass(frozen=True)
class Pose:
    """Angles of the arms (upper, lower; degrees away from straight down) and how far knees and ankles stand out."""

    left_arm: tuple[float, float] = (10, 5)
    right_arm: tuple[float, float] = (10, 5)
    left_leg: tuple[float, float] = (0.4, 0.6)
    right_leg: tuple[float, float] = (0.4, 0.6)
    tilt: float = 0.0


POSES = {
    "standing": Pose(),
    "open": Pose((22, 14), (22, 14), (1.5, 2.5), (1.5, 2.5)),
    "hand on hip": Pose((9, 3), (46, -38), (0.2, 0.0), (1.6, 3.0), 1.2),
    "hands on hips": Pose((46, -38), (46, -38), (1.2, 2.2), (1.2, 2.2)),
    "waving": Pose((10, 6), (118, 168), (0.6, 1.0), (0.8, 1.4), -1.0),
    "walking": Pose((24, -2), (20, 12), (2.4, 4.4), (-0.4, -1.0), 0.6),
    "in pocket": Pose((24, -10), (12, 8), (0.4, 0.4), (1.6, 2.6), -0.8),
}
LAID_OUT = Pose((22, 13), (22, 13), (1.6, 2.6), (1.6, 2.6))


class Figure:
    """A person in a pose: the landmarks that garments hang on, and the drawing of what is not covered."""

    def __init__(self, person: Person, pose: Pose) -> None:
        self.person = person
        self.build = person.build
        self.pose = pose

    def half_width(self, y: float) -> float:
        """Half the body's width at a height between shoulder and hip."""
        build = self.build
        widths = (build.shoulder, build.chest, build.waist, build.hip)
        return float(np.interp(y, (SHOULDER, CHEST, WAIST, HIP), widths))

    def arm(self, side: int) -> list[Point]:
        """Shoulder, elbow and wrist; `side` is -1 on the picture's left and 1 on its right."""
        upper, lower = map(math.radians, self.pose.left_arm if side < 0 else self.pose.right_arm)
        x, y = self.build.shoulder - self.build.arm[0], SHOULDER + 2.2
        elbow = (x + UPPER_ARM * math.sin(upper), y + UPPER_ARM * math.cos(upper))
        wrist = (elbow[0] + LOWER_ARM * math.sin(lower), elbow[1] + LOWER_ARM * math.cos(lower))
        return [(side * x, y), (side * elbow[0], elbow[1]), (side * wrist[0], wrist[1])]

    def leg(self, side: int) -> list[Point]:
        """Hip, knee and ankle."""
        knee, ankle = self.pose.left_leg if side < 0 else self.pose.right_leg
        x = self.build.hip * 0.53
        return [(side * x, HIP), (side * (x + knee), KNEE), (side * (x + ankle), ANKLE)]

    def draw_behind(self, canvas: Canvas) -> None:
        """Hair that falls behind the back."""
        heads.draw_hair_behind(canvas, self.person, self.pose.tilt)

    def draw_head(self, canvas: Canvas) -> None:
        """Face and hair."""
        heads.draw_head(canvas, self.person, self.pose.tilt)

    def draw_body(self, canvas: Canvas) -> None:
        """Feet, legs, trunk and neck."""
        skin, build = self.person.skin, self.build
        for side in (-1, 1):
            x, y = self.leg(side)[2]
            toes = x + side * 1.2
            canvas.fill(smooth([(x - 2.1, y), (x + 2.1, y), (toes + 2.6, 98.5), (toes - 2.6, 98.5)]), self.person.shoes)
            canvas.fill(tube(self.leg(side), build.leg), skin)
        trunk = [(build.neck, NECK), (build.shoulder - 1.5, SHOULDER - 0.6), (build.shoulder, SHOULDER + 3)]
        trunk += [(build.chest, CHEST), (build.waist, WAIST), (build.hip, HIP), (build.hip * 0.9, CROTCH)]
        canvas.fill(smooth(mirrored([*trunk, (0.8, CROTCH + 1.5)])), skin)
        neck = [*corners((build.neck, 12.5)), (build.neck, 17.5), (build.neck * 2.2, 19.6), (0, 20.5)]
        canvas.fill(smooth(mirrored(neck)), skin, edge=0)
        canvas.fill(oval(0, 15.4, build.neck, 1.8), darker(skin, 0.22), shade=0, edge=0)

    def draw_arm(self, canvas: Canvas, side: int) -> None:
        """A bare arm with its hand."""
        arm = self.arm(side)
        hand = along(arm, 2 + 2 / LOWER_ARM)
        canvas.fill(oval(*hand, 1.9, 2.4), self.person.skin)
        canvas.fill(tube(arm, self.build.arm), self.person.skin)

"""How much of a model's light falls on the quarter of a picture that holds the product, by attention and by hiding.

    python benchmarks/quadrant_light.py [--kind lstm transformer flat] [--set encoder.stages=3 ...] [--test 400]

Pictures of 64x64 px are drawn: a shape on a pale ground in one quarter, chosen at random, and in the other three
textures in the shape's own colours that say nothing. Its path is colour, shape and filling, so every level needs that
quarter. A small model of each kind is trained on some and asked about others; the light of a picture counts as right
where at least 60 % of it lies in the quarter. A flat model is only asked by hiding.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from atlas.stages.build import BuildOptions, build
from atlas.stages.categorizer import Categorizer, Lit, load
from atlas.stages.evidence import occlusion
from atlas.stages.recipes import load_recipe
from atlas.stages.train import train_model
from atlas.taxonomy.tree import Path as CategoryPath

QUARTER_PX = 32
#: Pictures to learn from.
TRAIN = 2400
#: At least this share of the light should lie in the product's quarter.
ENOUGH = 0.6
COLOURS = {
    "Warm": ((200, 40, 40), (225, 120, 30), (190, 30, 110)),
    "Cold": ((30, 60, 200), (20, 140, 150), (70, 40, 170)),
}
PATHS = list(product(COLOURS, ("Disc", "Square", "Triangle"), ("Full", "Hollow")))
#: Recipe `fast-path` at the size of these pictures, without what changes them: colours and places are the labels here.
SETTINGS = (
    "height_px=64", "width_px=64", "encoder.width=16", "encoder.stages=2", "decoder.size=64", "embedding=32",
    "attention=64", "heads=1", "decoder.dropout=0.1", "average_flips=false", "flip=0", "area=1", "stretch=0",
    "brightness=0", "contrast=0", "mix=0", "cutmix=0", "label_smoothing=0", "average=0", "epochs=12", "batch_size=64",
    "precision=fp32",
)  # fmt: skip
#: And for one kind alone: at the recipe's rate the LSTM learns three answers of four, and looks accordingly.
OWN_SETTINGS = {"lstm": ("peak=1e-3",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", nargs="+", default=["lstm", "transformer", "flat"])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    parser.add_argument("--train", type=int, default=TRAIN)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--occlusion", type=int, default=60, help="of these, how many are also asked by hiding")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for kind in asked.kind:
            categorizer = trained(Path(folder) / kind, kind, asked.set, asked.train)
            if kind != "flat":
                print(f"{kind}, attention: {told(measure(categorizer, asked.test))}", flush=True)
            print(f"{kind}, occlusion: {told(measure(categorizer, asked.occlusion, by_hiding=True))}", flush=True)


def trained(folder: Path, kind: str, settings: Sequence[str] = (), pictures: int = TRAIN) -> Categorizer:
    """A model of `fast-path` with a decoder of this kind and these settings, trained on drawn pictures."""
    for number in range(pictures):
        path = PATHS[number % len(PATHS)]
        file = folder.joinpath("pictures", *path, f"{number}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        draw(path, np.random.default_rng((1, number)))[0].save(file)
    build(folder / "pictures", folder / "dataset", BuildOptions(splits="90/10/0"))
    settings = [*SETTINGS, f"decoder.kind={kind}", *OWN_SETTINGS.get(kind, ()), *settings]
    train_model(folder / "dataset", folder / "model", load_recipe("fast-path", settings))
    return load(folder / "model")


def measure(categorizer: Categorizer, pictures: int, *, by_hiding: bool = False) -> dict[str, Any]:
    """On unseen pictures: the share of right answers, and by level the share of light in the product's quarter.

    `enough` is the share of pictures with at least 60 % of it there, `all_levels` that of pictures with as much at
    every level.
    """
    paths = [PATHS[number % len(PATHS)] for number in range(pictures)]
    drawn = [draw(path, np.random.default_rng((2, number))) for number, path in enumerate(paths)]
    asked = list(categorizer.lit([image for image, _ in drawn]))
    right = [categorizer.taxonomy.paths[lit.node] == path for lit, path in zip(asked, paths, strict=True)]
    shares = np.array(
        [
            [inside(light, quarter) for light in (hidden(categorizer, lit) if by_hiding else lit.light)]
            for lit, (_, quarter) in zip(asked, drawn, strict=True)
        ]
    )
    return {
        "accuracy": float(np.mean(right)),
        "mean": shares.mean(axis=0).tolist(),
        "enough": (shares >= ENOUGH).mean(axis=0).tolist(),
        "all_levels": float((shares >= ENOUGH).all(axis=1).mean()),
    }


def hidden(categorizer: Categorizer, lit: Lit) -> NDArray[np.float32]:
    """The light of each level by occlusion, whatever the model says itself."""
    return occlusion(lit.pixels, partial(categorizer.log_levels, node=lit.node))


def inside(light: NDArray[Any], quarter: int) -> float:
    """The share of a light (h, w) in a quarter, numbered row by row; a cell on the border counts by its area."""
    shares = [
        np.clip((np.arange(side) + 1) * 2 / side - half, 0, 1) - np.clip(np.arange(side) * 2 / side - half, 0, 1)
        for side, half in zip(light.shape, divmod(quarter, 2), strict=True)
    ]  # of each row and column of cells: how much of the half it covers
    rows, columns = (share * side / 2 for share, side in zip(shares, light.shape, strict=True))
    return float(rows @ light @ columns)


def told(found: dict[str, Any]) -> str:
    """The figures in one line."""
    levels = [f"{mean:.1%} ({enough:.1%})" for mean, enough in zip(found["mean"], found["enough"], strict=True)]
    return (
        f"light in the quarter by level {', '.join(levels)}; at every level {found['all_levels']:.1%} "
        f"of pictures; {found['accuracy']:.1%} of answers right"
    )


def draw(path: CategoryPath, random: np.random.Generator) -> tuple[Image.Image, int]:
    """A picture of 64x64 px and the quarter, numbered row by row, that holds the product."""
    picture, quarter = Image.new("RGB", (2 * QUARTER_PX, 2 * QUARTER_PX)), int(random.integers(4))
    for place in range(4):
        tile = _shape(path, random) if place == quarter else _texture(random)
        picture.paste(tile, (place % 2 * QUARTER_PX, place // 2 * QUARTER_PX))
    return picture, quarter


def _shape(path: CategoryPath, random: np.random.Generator) -> Image.Image:
    """The product on a pale ground, drawn at twice its size."""
    kind, filling = path[1:]
    tile = Image.new("RGB", (2 * QUARTER_PX, 2 * QUARTER_PX), _colour(random.integers(225, 256, 3)))
    colour = COLOURS[path[0]][random.integers(3)]
    (x, y), reach = QUARTER_PX + random.uniform(-5, 5, 2), random.uniform(18, 26)
    style: dict[str, Any] = {"fill": colour if filling == "Full" else None, "outline": colour, "width": 7}
    pen = ImageDraw.Draw(tile)
    if kind == "Disc":
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), **style)
    elif kind == "Square":
        pen.rectangle((x - 0.85 * reach, y - 0.85 * reach, x + 0.85 * reach, y + 0.85 * reach), **style)
    else:
        pen.polygon([(x, y - reach), (x + reach, y + 0.8 * reach), (x - reach, y + 0.8 * reach)], **style)
    return tile.resize((QUARTER_PX, QUARTER_PX), Image.Resampling.BOX)


def _texture(random: np.random.Generator) -> Image.Image:
    """Checks, stripes or specks in two colours, most of them products' colours."""
    known = [colour for colours in COLOURS.values() for colour in colours]
    first, second = (
        known[random.integers(len(known))] if random.random() < 0.7 else _colour(random.integers(0, 256, 3))
        for _ in range(2)
    )
    rows, columns = np.mgrid[:QUARTER_PX, :QUARTER_PX]
    step, kind = int(random.integers(2, 6)), int(random.integers(3))
    if kind == 0:
        second_here = (rows // step + columns // step) % 2 == 1
    elif kind == 1:
        second_here = (rows + columns * int(random.choice([-1, 1]))) // step % 2 == 1
    else:
        second_here = random.random((QUARTER_PX, QUARTER_PX)) < 0.5
    return Image.fromarray(np.where(second_here[..., None], second, first).astype(np.uint8))


def _colour(values: NDArray[np.int64]) -> tuple[int, int, int]:
    red, green, blue = values.tolist()
    return red, green, blue


if __name__ == "__main__":
    main()

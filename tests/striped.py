"""A folder tree of small pictures that a tiny network learns in seconds: the stripes' colour and turn name the leaf."""

from pathlib import Path

import numpy as np
from PIL import Image

LEAVES = ("Men/Tops/Shirts", "Men/Tops/Vests", "Men/Jeans", "Women/Tops/Shirts", "Women/Dresses")
COLOURS = ((200, 40, 40), (40, 160, 40), (40, 40, 200), (220, 200, 40), (160, 40, 200))


def striped(leaf: int, seed: int, size: tuple[int, int] = (30, 40)) -> Image.Image:
    random = np.random.default_rng((leaf, seed))
    width, height = size
    patches = Image.fromarray(random.integers(90, 256, (4, 3, 3), dtype=np.uint8))  # no two are nearly one picture
    pixels = np.array(patches.resize(size, Image.Resampling.NEAREST)).astype(int)
    lines = np.arange(height if leaf % 2 else width) // 4 % 2 == seed % 2
    pixels[lines if leaf % 2 else slice(None), slice(None) if leaf % 2 else lines] = COLOURS[leaf]
    return Image.fromarray(np.clip(pixels + random.integers(-20, 21, pixels.shape), 0, 255).astype(np.uint8))


def write_pictures(folder: Path, per_leaf: int, first_seed: int = 0) -> Path:
    """`folder/Men/Tops/Shirts/0.png` ...: `per_leaf` products of every leaf."""
    for number, leaf in enumerate(LEAVES):
        (folder / leaf).mkdir(parents=True, exist_ok=True)
        for seed in range(first_seed, first_seed + per_leaf):
            striped(number, seed).save(folder / leaf / f"{seed}.png")
    return folder


#: Recipe `fast` at a size that trains in a second.
TINY = (
    "width=4",
    "image.height_px=40",
    "image.width_px=32",
    "batch_size=8",
    "average=0.5",
)


def tiny_recipe(*settings: str):
    from atlas.stages.recipes import load_recipe

    return load_recipe("fast", [*TINY, *settings])

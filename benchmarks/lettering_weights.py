"""Fits the weights of the check `text`: how lettering tells size charts, labels and packaging from photos of products.

    python benchmarks/lettering_weights.py $DATA/fashion-photos --cache FOLDER [--fonts FOLDER ...]

Charts, paragraphs and packages are drawn in the fonts found on this machine; every fifth photo of `train.parquet`
stands for all that is none of them. Each is measured as `atlas check` does, and a logistic regression (L2, C = 1)
weighs the log of the letters, their share of all edges and how their heights differ. A photo counts six times: a false
alarm costs somebody a look. Prints the table `[text]` of `thresholds.toml`, and what it and the shipped one find, at
0.5, of that on which it was fitted.

Other fonts give other drawings, and the weights lean on each other: expect them to differ by some tenths, that of the
share by more, and to find about the same.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from sklearn.linear_model import LogisticRegression

from atlas.clean.measures import measure
from atlas.clean.thresholds import load_thresholds

Floats = NDArray[np.float64]
Colour = tuple[int, int, int]
Draw = Callable[[random.Random, int, int, Sequence[Path]], Image.Image]

#: Drawn pictures of each kind, and which of the photos are taken.
DRAWN, EVERY = 140, 5
#: How many times a photo counts in the fit.
PHOTO_WEIGHT = 6
FONTS = ("/usr/share/fonts", "/usr/share/texmf/fonts/opentype", "/Library/Fonts", "C:/Windows/Fonts")
#: Fonts without Latin letters, and slanted copies of upright ones.
NO_TEXT = ("math", "symbol", "emoji", "dingbat", "oblique", "mathjax", "barcode")
SIZES = ((225, 300), (224, 224), (400, 400), (600, 800), (800, 500), (1000, 1000))
HEADINGS = ("SIZE CHART", "Size Guide", "HOW TO MEASURE", "Measurements (in)")
LETTER_SIZES = ("S", "M", "L", "XL", "XXL", "3XL")
PRINT = """size chest waist hip length shoulder sleeve inseam bust cm inch XS S M L XL XXL how to measure yourself
guide care wash cold do not bleach iron low dry clean only cotton polyester made in india model wears regular fit slim
100% quality brand new collection premium fabric soft breathable everyday style free delivery returns exchange within
days customer support note colour may vary"""
WORDS = tuple(PRINT.split())
UNITS = ("", ".5", '"', " cm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="the folder of fashion-photos")
    parser.add_argument("--cache", type=Path, required=True, help="where measures are kept")
    parser.add_argument("--fonts", type=Path, nargs="+", default=[Path(name) for name in FONTS])
    parser.add_argument("--sheet", type=Path, help="draw some of the pictures into this file, to look at, and stop")
    asked = parser.parse_args()
    fonts = find_fonts(asked.fonts)
    if asked.sheet:
        sheet(fonts).save(asked.sheet)
        return
    asked.cache.mkdir(parents=True, exist_ok=True)
    photo = kept(asked.cache / "photos.npy", photos(asked.photos / "train.parquet"))
    drawn = {kind: kept(asked.cache / f"{kind}.npy", drawings(kind, fonts)) for kind in KINDS}
    tell(photo, drawn, fit(photo, np.concatenate(list(drawn.values()))), len(fonts))


# -- what is measured ------------------------------------------------------------------------------------------------


def photos(file: Path) -> Iterator[bytes]:
    """The encoded pictures of every fifth row."""
    number = 0
    for batch in pq.ParquetFile(file).iter_batches(200, columns=["image"]):
        for row in batch.to_pylist():
            number += 1
            if number % EVERY == 0:
                yield row["image"]["bytes"]


def drawings(kind: str, fonts: Sequence[Path]) -> Iterator[bytes]:
    """The drawn pictures of one kind, as JPEG; the same ones each time with the same fonts."""
    return (drawn(kind, number, fonts) for number in range(DRAWN))


def kept(file: Path, pictures: Iterable[bytes]) -> Floats:
    """Log of letters, share of edges and unevenness of each picture (P, 3), kept in a file."""
    if not file.exists():
        np.save(file, np.array([measured(data) for data in pictures]))
    return np.asarray(np.load(file), np.float64)


def measured(data: bytes) -> tuple[float, float, float]:
    found, _ = measure(data)
    return float(np.log1p(found.letters)), found.letter_share, found.unevenness


# -- the fit ---------------------------------------------------------------------------------------------------------


class Weights(NamedTuple):
    """As they stand in `thresholds.toml`."""

    letters: float
    share: float
    unevenness: float
    bias: float

    def probability(self, rows: Floats) -> Floats:
        """That of lettering (P,) for measures (P, 3); 0 where there is no letter, as in the check."""
        probability = 1 / (1 + np.exp(-(rows @ np.array(self[:3]) + self.bias)))
        return np.where(rows[:, 0] > 0, probability, 0.0)


def fit(photo: Floats, lettered: Floats) -> Weights:
    """The weights that tell drawn pictures from photos; photos without a letter say nothing."""
    photo = photo[photo[:, 0] > 0]
    truth = np.repeat([0, 1], [len(photo), len(lettered)])
    model = LogisticRegression(C=1.0, class_weight={0: PHOTO_WEIGHT, 1: 1}, max_iter=5000)
    model.fit(np.concatenate([photo, lettered]), truth)
    return Weights(*(round(float(weight), 1) for weight in (*model.coef_[0], model.intercept_[0])))


def shipped() -> Weights:
    """The weights that Atlas has now."""
    rule = load_thresholds().text
    return Weights(rule.letters, rule.share, rule.unevenness, rule.bias)


def tell(photo: Floats, drawn: dict[str, Floats], weights: Weights, fonts: int) -> None:
    """Print the weights, and what they and the shipped ones find."""
    print("\n".join(["[text]", *(f"{name} = {weight}" for name, weight in weights._asdict().items())]))
    print(f"\n{fonts} fonts; {int((photo[:, 0] > 0).sum()):,} of {len(photo):,} photos have letters")
    for name, tried in {"these": weights, "shipped": shipped()}.items():
        share = [f"{kind} {(tried.probability(rows) > 0.5).mean():.1%}" for kind, rows in drawn.items()]
        alarms = int((tried.probability(photo) > 0.5).sum())
        print(f"{name}: found of {DRAWN} each {', '.join(share)}; photos called text: {alarms}")


# -- drawing ---------------------------------------------------------------------------------------------------------


def find_fonts(folders: Sequence[Path]) -> list[Path]:
    """Font files with Latin letters, by name. Ends the program where there is none."""
    files = sorted({file for folder in folders for file in folder.rglob("*.[ot]tf")})
    found = [file for file in files if not any(word in file.name.lower() for word in NO_TEXT) and _is_latin(file)]
    if not found:
        raise SystemExit(f"no font in {', '.join(map(str, folders))}: name a folder of .ttf or .otf files with --fonts")
    return found


def _is_latin(file: Path) -> bool:
    """Whether letters are drawn, and not one box for all of them."""
    try:
        font = ImageFont.truetype(str(file), 24)
        return len({bytes(font.getmask(letter)) for letter in "Mia\uffff"}) == 4
    except OSError:
        return False


def drawn(kind: str, number: int, fonts: Sequence[Path]) -> bytes:
    """One drawn picture, softened, grained and compressed as pictures of stores are; JPEG."""
    told = random.Random(f"{kind}/{number}")
    width, height = told.choice(SIZES)
    picture = KINDS[kind](told, width, height, fonts)
    if told.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(told.uniform(0.2, 0.8)))
    if told.random() < 0.3:
        picture = _grained(picture, told.uniform(1, 6), told.randrange(1 << 30))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=told.randrange(40, 95))
    return stream.getvalue()


def chart(told: random.Random, width: int, height: int, fonts: Sequence[Path]) -> Image.Image:
    """A table of sizes: a heading, a row of names, numbers, and perhaps rules or tinted rows."""
    ground = _colour(told, told.random() < 0.15) if told.random() < 0.5 else (255, 255, 255)
    ink, face = _colour(told, sum(ground) >= 300), told.choice(fonts)
    picture = Image.new("RGB", (width, height), ground)
    pen = ImageDraw.Draw(picture)
    rows, columns = told.randrange(4, 14), told.randrange(3, 8)
    left, top, bottom = (
        width * told.uniform(0.03, 0.12),
        height * told.uniform(0.08, 0.25),
        height * told.uniform(0.6, 0.97),
    )
    step, room = (bottom - top) / rows, (width - 2 * left) / columns
    size = max(7, int(min(step * 0.6, room / 3.2)))
    pen.text((left, top * 0.3), told.choice(HEADINGS), font=_font(face, size * told.uniform(1.2, 2.2)), fill=ink)
    head, rules = _colour(told, told.random() < 0.5), told.random()
    for row in range(rows):
        line, fill = top + step * row, ink
        if row == 0 and told.random() < 0.5:
            pen.rectangle((left, line, width - left, line + step), fill=head)
            fill = (0, 0, 0) if sum(head) > 380 else (255, 255, 255)
        elif row % 2 and rules < 0.3:
            pen.rectangle((left, line, width - left, line + step), fill=_between(ground, ink))
        if rules > 0.3:
            pen.line((left, line, width - left, line), fill=ink)
        for column in range(columns):
            cell = _cell(told, row, column)
            pen.text((left + room * column + 3, line + 3), cell, font=_font(face, size), fill=fill)
    for column in range(columns + 1 if rules > 0.6 else 0):
        pen.line((left + room * column, top, left + room * column, bottom), fill=ink)
    return picture


def paragraph(told: random.Random, width: int, height: int, fonts: Sequence[Path]) -> Image.Image:
    """Lines of text, some of them large."""
    dark = told.random() < 0.3
    ink, face = _colour(told, not dark), told.choice(fonts)
    picture = Image.new("RGB", (width, height), _colour(told, dark))
    pen = ImageDraw.Draw(picture)
    line, left = height * told.uniform(0.03, 0.15), width * told.uniform(0.03, 0.15)
    while line < height * told.uniform(0.8, 0.98):
        size = max(8, int(width * (told.uniform(0.03, 0.05) if told.random() < 0.8 else told.uniform(0.06, 0.12))))
        font, text = _font(face, size), ""
        while pen.textlength(text, font=font) < (width - 2 * left) * told.uniform(0.6, 0.95):
            text += told.choice(WORDS) + " "
        pen.text((left, line), _cased(told, text.strip(), 0.2), font=font, fill=ink)
        line += size * told.uniform(1.25, 1.8)
    return picture


def package(told: random.Random, width: int, height: int, fonts: Sequence[Path]) -> Image.Image:
    """A printed box or pouch on a plain ground, a little turned, lighter to one side."""
    picture = Image.new("RGB", (width, height), (255, 255, 255) if told.random() < 0.7 else _colour(told, False))
    box = _printed(told, int(width * told.uniform(0.5, 0.9)), int(height * told.uniform(0.5, 0.9)), told.choice(fonts))
    shade = np.linspace(told.uniform(0.8, 1), 1, box.width)[None, :, None]
    box = Image.fromarray((np.asarray(box) * shade).astype(np.uint8))
    turn, whole = told.uniform(-8, 8), Image.new("L", box.size, 255)
    box, mask = (layer.rotate(turn, expand=True, resample=Image.Resampling.BICUBIC) for layer in (box, whole))
    picture.paste(box, ((width - box.width) // 2, (height - box.height) // 2), mask)
    return picture


KINDS: dict[str, Draw] = {"chart": chart, "paragraph": paragraph, "package": package}


def sheet(fonts: Sequence[Path], side: int = 200) -> Image.Image:
    """Six pictures of each kind, a row for each."""
    found = Image.new("RGB", (6 * side, len(KINDS) * side), "grey")
    for row, kind in enumerate(KINDS):
        for column in range(6):
            picture = Image.open(io.BytesIO(drawn(kind, column, fonts)))
            picture.thumbnail((side - 4, side - 4))
            found.paste(picture, (column * side, row * side))
    return found


def _printed(told: random.Random, width: int, height: int, face: Path) -> Image.Image:
    """The front of a box: a name, lines of small print, perhaps bars."""
    colour = (told.randrange(256), told.randrange(256), told.randrange(256))
    ink: Colour = (255, 255, 255) if sum(colour) < 380 else (20, 20, 20)
    box = Image.new("RGB", (width, height), colour)
    pen, line = ImageDraw.Draw(box), height * told.uniform(0.04, 0.1)
    for place in range(told.randrange(5, 11)):
        size = max(7, int(height * (told.uniform(0.08, 0.16) if place == 0 else told.uniform(0.03, 0.06))))
        font, count = _font(face, size), told.randrange(1, 3) if place == 0 else told.randrange(3, 8)
        text = _cased(told, " ".join(told.choice(WORDS) for _ in range(count)), 0.4)
        while text and pen.textlength(text, font=font) > width * 0.92:
            text = text[:-1]
        if line + size > height * 0.95:
            break
        left = (width - pen.textlength(text, font=font)) / 2 if told.random() < 0.5 else width * 0.05
        pen.text((left, line), text, font=font, fill=ink)
        line += size * told.uniform(1.2, 1.9)
    if told.random() < 0.4 and line < height * 0.8:
        _bars(told, pen, width, height, ink)
    return box


def _bars(told: random.Random, pen: ImageDraw.ImageDraw, width: int, height: int, ink: Colour) -> None:
    left = int(width * 0.6)
    while left < width * 0.93:
        thick = told.choice((1, 1, 2, 3))
        pen.rectangle((left, int(height * 0.85), left + thick - 1, int(height * 0.95)), fill=ink)
        left += thick + told.choice((1, 2, 3))


def _cell(told: random.Random, row: int, column: int) -> str:
    if column == 0:
        return told.choice(LETTER_SIZES)
    if row == 0:
        return told.choice(WORDS).title()[:8]
    return f"{told.randrange(20, 120)}{told.choice(UNITS)}"


def _cased(told: random.Random, text: str, capitals: float) -> str:
    return text.upper() if told.random() < capitals else text.capitalize()


def _colour(told: random.Random, dark: bool) -> Colour:
    low, high = (0, 90) if dark else (200, 256)
    return told.randrange(low, high), told.randrange(low, high), told.randrange(low, high)


def _between(ground: Colour, ink: Colour) -> Colour:
    red, green, blue = (int(0.92 * one + 0.08 * other) for one, other in zip(ground, ink, strict=True))
    return red, green, blue


def _font(face: Path, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(face), int(size))


def _grained(picture: Image.Image, spread: float, seed: int) -> Image.Image:
    grain = np.random.default_rng(seed).normal(0, spread, (picture.height, picture.width, 1))
    return Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()

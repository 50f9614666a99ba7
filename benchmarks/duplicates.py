"""Copies of real photos, changed in eight ways, found among 5,000: Atlas beside imagehash and PDQ on the same files.

    python benchmarks/duplicates.py $DATA/fashion-photos --cache FOLDER

1,000 of the photos are changed in each way; for each way the 5,000 and their 1,000 copies are searched as one set.
A pair is right when it is a photo and its copy. Wrong pairs are those of a copy and another photo, or of two copies;
pairs of two photos that nobody changed are counted apart, and drawn with `--sheet FILE`. "alike apart" takes those
wrong pairs out whose originals are such a pair themselves. Limits come from `--choose`, which looks at the other 4,099
photos alone.

Beside it: `pip install imagehash pdqhash`. PDQ looks at the picture and its mirror image, as does imagehash's phash.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from duplicate_photos import Photos, photos
from picture_changes import KINDS, changed
from PIL import Image, ImageOps

from atlas.clean.descriptor import describe
from atlas.clean.duplicates import LIMIT, STANDS_OUT, SURE, near_pairs
from atlas.images import decode

CHANGED = 1000
#: Of the other photos: those changed to choose by (the first 400 changed ones fitted the descriptor).
CHOSEN = slice(400, 600)
GOAL = 0.95
#: Bits that may differ, as `--choose` says.
PHASH_BITS, PDQ_BITS = 4, 40


def ours(data: bytes) -> np.ndarray:
    return describe(decode(data)).view(np.uint8)


def phash(data: bytes) -> np.ndarray:
    """The hash and that of the mirror image (16 bytes)."""
    image = decode(data)
    return np.packbits([imagehash.phash(seen).hash for seen in (image, ImageOps.mirror(image))])


def pdq(data: bytes) -> np.ndarray:
    """The hash and that of the mirror image (64 bytes)."""
    both = pdqhash.compute_dihedral(np.asarray(decode(data)))[0]
    return np.packbits(np.stack([both[0], both[5]]).astype(bool))


TOOLS: dict[str, Callable[[bytes], np.ndarray]] = {"atlas": ours, "imagehash phash": phash, "PDQ": pdq}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--choose", action="store_true", help="print each limit's scores on the other photos")
    parser.add_argument("--sheet", type=Path, help="draw the pairs found among unaltered photos")
    asked = parser.parse_args()
    asked.cache.mkdir(parents=True, exist_ok=True)
    found = photos(asked.photos)
    if asked.choose:
        choose(asked.cache, found)
    else:
        test(asked.cache, found, asked.sheet)


def described(cache: Path, name: str, pictures: Callable[[], Iterator[bytes]]) -> dict[str, np.ndarray]:
    """What each tool says of some pictures (P, bytes), kept; prints core-milliseconds a picture, decoding included."""
    file = cache / f"{name}.npz"
    if not file.exists():
        spent, said = dict.fromkeys(TOOLS, 0.0), {tool: [] for tool in TOOLS}
        for data in pictures():
            for tool, look in TOOLS.items():
                start = time.process_time()
                said[tool].append(look(data))
                spent[tool] += time.process_time() - start
        count = len(said["atlas"])
        print(name, {tool: f"{1000 * seconds / count:.2f} core-ms" for tool, seconds in spent.items()}, flush=True)
        np.savez(file, **{tool: np.stack(rows) for tool, rows in said.items()})
    with np.load(file) as stored:
        return dict(stored)


def copies(found: Photos, places: np.ndarray, kind: str, seed: int) -> Iterator[bytes]:
    for number, place in enumerate(places):
        random = np.random.default_rng((seed, number, list(KINDS).index(kind)))
        yield changed(Image.open(io.BytesIO(found.data[place])).convert("RGB"), kind, random)


def gathered(cache: Path, found: Photos, name: str, places: np.ndarray, copied: np.ndarray, seed: int) -> Sets:
    originals = described(cache, name, lambda: (found.data[place] for place in places))
    kinds = {
        kind: described(cache, f"{name}-{kind}", lambda kind=kind: copies(found, places[copied], kind, seed))
        for kind in KINDS
    }
    return originals, kinds, copied


Sets = tuple[dict[str, np.ndarray], dict[str, dict[str, np.ndarray]], np.ndarray]


def pairs_of(tool: str, rows: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the pairs that a tool finds among rows; `bits` may differ."""
    if tool == "atlas":
        pairs = near_pairs(rows.view(np.int8))
        return pairs.left, pairs.right
    plain, mirror = np.split(np.unpackbits(rows, axis=1).astype(np.float32) * 2 - 1, 2, axis=1)
    left, right = [], []
    for start in range(0, len(rows), 512):
        same = np.maximum(plain[start : start + 512] @ plain.T, mirror[start : start + 512] @ plain.T)
        here, there = np.nonzero((plain.shape[1] - same) / 2 <= bits)
        left.append(here + start)
        right.append(there)
    one, other = np.concatenate(left), np.concatenate(right)
    return np.unique(np.stack([np.minimum(one, other), np.maximum(one, other)])[:, one != other], axis=1)


def judged(sets: Sets, tool: str, bits: int) -> tuple[dict[str, tuple[int, int, int]], np.ndarray]:
    """Right, wrong, and wrong pairs whose originals are not alike, of each kind; and the pairs of unaltered photos."""
    originals, kinds, copied = sets
    count = len(originals[tool])
    alike = np.stack(pairs_of(tool, originals[tool], bits))
    known = set(map(tuple, alike.T.tolist()))
    source = np.concatenate([np.arange(count), copied])
    told = {}
    for kind, rows in kinds.items():
        left, right = pairs_of(tool, np.concatenate([originals[tool], rows[tool]]), bits)
        asked = right >= count
        one, other = np.sort(np.stack([source[left[asked]], source[right[asked]]]), axis=0)
        right_pairs = one == other
        wrong = map(tuple, np.stack([one, other])[:, ~right_pairs].T.tolist())
        told[kind] = (int(right_pairs.sum()), int((~right_pairs).sum()), sum(pair not in known for pair in wrong))
    return told, alike


def line(told: dict[str, tuple[int, int, int]], copied: int) -> list[str]:
    right, wrong, apart = (sum(entry[place] for entry in told.values()) for place in range(3))
    total = [right / (copied * len(told)), right / max(1, right + wrong), right / max(1, right + apart)]
    kinds = [f"{entry[0] / copied:.3f}/{entry[0] / max(1, entry[0] + entry[1]):.3f}" for entry in told.values()]
    return [*(f"{share:.3f}" for share in total), *kinds]


HEADINGS = ("recall", "precision", "alike apart", *(f"{kind} (recall/precision)" for kind in KINDS))


def choose(cache: Path, found: Photos) -> None:
    sets = gathered(cache, found, "other", found.other, np.arange(len(found.other))[CHOSEN], 1)
    copied = len(sets[2])
    print("atlas", SURE, LIMIT, STANDS_OUT, *line(judged(sets, "atlas", 0)[0], copied))
    for tool, limits in (("imagehash phash", range(0, 13, 2)), ("PDQ", range(16, 97, 8))):
        for bits in limits:
            print(tool, bits, *line(judged(sets, tool, bits)[0], copied))


def test(cache: Path, found: Photos, sheet: Path | None) -> None:
    sets = gathered(cache, found, "test", found.test, np.arange(CHANGED), 9)
    print("tool", *HEADINGS, "pairs among unaltered", sep=" | ")
    for tool, bits in (("atlas", 0), ("imagehash phash", PHASH_BITS), ("PDQ", PDQ_BITS)):
        told, alike = judged(sets, tool, bits)
        print(tool, *line(told, CHANGED), alike.shape[1], sep=" | ", flush=True)
        if tool == "atlas" and sheet is not None:
            draw([found.data[found.test[place]] for place in alike[:, :96].T.ravel()], sheet)


def draw(pictures: list[bytes], file: Path, columns: int = 16, side_px: int = 96) -> None:
    """Pictures side by side, so that the first and second of each pair are neighbours."""
    sheet = Image.new("RGB", (columns * side_px, -(-len(pictures) // columns) * side_px), "grey")
    for place, data in enumerate(pictures):
        small = decode(data)
        small.thumbnail((side_px - 4, side_px - 4))
        sheet.paste(small, (place % columns * side_px, place // columns * side_px))
    sheet.save(file)


if __name__ == "__main__":
    main()

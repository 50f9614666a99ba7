"""Fits the descriptor's weights: which sums of what is measured tell pictures apart, and stay the same in copies.

    python benchmarks/descriptor_weights.py $DATA --cache FOLDER [-o src/atlas/clean/descriptor.npz]

A linear discriminant analysis (Fisher 1936, for many classes Rao 1948) over pairs: between two pictures everything may
differ; between a picture and its changed copy only what the eight changes do (`picture_changes.py`). It is done apart
for what is the same in a mirror and what turns its sign, so that a mirrored picture is known without being looked at.
Photos of the benchmark's test are not among those looked at, and the last 200 changed ones are kept to choose limits.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from duplicate_photos import photos, thumbnails
from picture_changes import KINDS, changed
from PIL import Image
from scipy.linalg import eigh

from atlas.clean.descriptor import LENGTH, features, mirror
from atlas.clean.foreground import cut_out
from atlas.images import decode

#: Photos and thumbnails that are changed in eight ways for the fit.
PHOTOS, THUMBNAILS = 400, 150
#: Changed photos in the cache: the fit's, and those on which limits are chosen.
CHANGED_PHOTOS, CHANGED_THUMBNAILS, ALL_THUMBNAILS = 600, 200, 2000
#: Share of copies that count: those farthest off are cut-outs that failed, and would blur all the others.
KEPT = 0.97
#: Added to what copies differ in, as a share of its mean: directions seldom seen are not trusted.
RIDGE = 0.1
#: What copies differ by in each number of a descriptor, in whole steps (root mean square).
STEPS = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("-o", type=Path, default=Path("src/atlas/clean/descriptor.npz"))
    asked = parser.parse_args()
    measured = gather(asked.data, asked.cache)
    weights, mean = fit(*measured)
    np.savez_compressed(asked.o, weights=weights.astype(np.float16), mean=mean.astype(np.float32))
    print(f"{asked.o}: {asked.o.stat().st_size:,} bytes")


def gather(data: Path, cache: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features of photos (P, F), of their copies (p, 8, F), and the same of thumbnails; kept in a folder."""
    cache.mkdir(parents=True, exist_ok=True)
    large = photos(data / "fashion-photos")
    raw = [large.data[place] for place in large.other]
    small = thumbnails(data / "fashion-small", large.ids[large.test], ALL_THUMBNAILS)
    return (
        kept(cache / "fo.npy", (measured(data) for data in raw)),
        kept(cache / "fc.npy", copies(raw[:CHANGED_PHOTOS], 1)),
        kept(cache / "fs.npy", (measured(data) for data in small)),
        kept(cache / "fsc.npy", copies(small[:CHANGED_THUMBNAILS], 2)),
    )


def kept(file: Path, rows: Iterator[np.ndarray]) -> np.ndarray:
    if not file.exists():
        np.save(file, np.stack(list(rows)))
    return np.load(file)


def measured(data: bytes) -> np.ndarray:
    return features(cut_out(decode(data)))


def copies(raw: list[bytes], seed: int) -> Iterator[np.ndarray]:
    for number, data in enumerate(raw):
        image, random = Image.open(io.BytesIO(data)).convert("RGB"), np.random.default_rng((seed, number))
        yield np.stack([measured(changed(image, kind, random)) for kind in KINDS])


def in_mirror(rows: np.ndarray) -> np.ndarray:
    order, sign = mirror()
    return rows[..., order] * sign


def fit(
    photo: np.ndarray, copy: np.ndarray, thumb: np.ndarray, thumb_copy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The weights (128, F) and the mean (F,) that is taken off first."""
    apart = np.concatenate([moved(photo, copy[:PHOTOS]), moved(thumb, thumb_copy[:THUMBNAILS])])
    everything = np.concatenate([photo, thumb])
    mean = (everything + in_mirror(everything)).mean(axis=0) / 2
    weights = _discriminants(everything - mean, apart)
    far = ((apart @ weights.T) ** 2).sum(axis=1)
    return _discriminants(everything - mean, apart[far <= np.quantile(far, KEPT)]) * STEPS, mean


def moved(originals: np.ndarray, copy: np.ndarray) -> np.ndarray:
    """How far each change takes a picture (p * 8, F); mirrored copies are looked at in the mirror."""
    copy = copy.copy()
    flipped = list(KINDS).index("flipped")
    copy[:, flipped] = in_mirror(copy[:, flipped])
    return (copy - originals[: len(copy), None]).reshape(-1, copy.shape[-1])


def _discriminants(everything: np.ndarray, apart: np.ndarray) -> np.ndarray:
    halves = []
    for turn in (1, -1):
        between, within = ((rows + turn * in_mirror(rows)) / 2 for rows in (everything, apart))
        spread, directions = np.linalg.eigh(2 * between.T @ between / len(between))
        directions = directions[:, spread > spread.max() * 1e-6]
        noise = directions.T @ (within.T @ within / len(within)) @ directions
        noise += RIDGE * np.trace(noise) / len(noise) * np.eye(len(noise))
        signal = directions.T @ (2 * between.T @ between / len(between)) @ directions
        gain, found = eigh(signal, noise)
        best = slice(-1, -1 - LENGTH // 2, -1)
        halves.append((directions @ found[:, best] * np.sqrt(1 - 1 / np.maximum(gain[best], 1.001))).T)
    return np.concatenate(halves)


if __name__ == "__main__":
    main()

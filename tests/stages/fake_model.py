"""A scorer that tells reds from blues and bright from dark, pictures for it, and a data set of them."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from atlas.bundle import Bundle
from atlas.dataset.schema import SCHEMA
from atlas.images import ImageConfig
from atlas.records import IMPOSSIBLE
from atlas.taxonomy.files import write_taxonomy
from atlas.taxonomy.tree import Taxonomy

TREE = Taxonomy([("Red", "Dark"), ("Red", "Bright"), ("Blue", "Dark"), ("Blue", "Bright"), ("Grey",)])
COLOURS = {
    ("Red", "Dark"): (90, 0, 0),
    ("Red", "Bright"): (250, 60, 60),
    ("Blue", "Dark"): (0, 0, 90),
    ("Blue", "Bright"): (60, 60, 250),
    ("Grey",): (128, 128, 128),
}


class FakeScorer:
    """Nearest colour, with `sharpness` as the model's (over)confidence; a pure white picture gives NaN."""

    engine = "fake"

    def __init__(self, folder: Path, calibration: dict | None = None, sharpness: float = 8.0) -> None:
        self.bundle = Bundle(folder, TREE, {}, {}, ImageConfig(16, 16), "fake-model", calibration=calibration)
        self.sharpness = sharpness
        self.batches: list[int] = []

    def score_pixels(self, pixels: np.ndarray) -> np.ndarray:
        assert pixels.dtype == np.uint8
        assert pixels.shape[1:] == (3, 16, 16)
        assert pixels.flags.c_contiguous
        self.batches.append(len(pixels))
        colour = pixels.mean(axis=(2, 3)) / 255
        log_mass = np.full((len(pixels), len(TREE)), IMPOSSIBLE, dtype=np.float32)
        wanted = np.array([COLOURS[TREE.paths[node]] for node in TREE.answers]) / 255
        score = -self.sharpness * ((colour[:, None] - wanted) ** 2).sum(axis=2)
        score -= np.log(np.exp(score).sum(axis=1, keepdims=True))
        log_mass[:, list(TREE.answers)] = score
        log_mass[colour.min(axis=1) == 1] = np.nan
        return log_mass

    def light(self, pixels: np.ndarray, nodes: np.ndarray) -> None:
        """It cannot tell where it looked."""


def picture(path: tuple[str, ...], side_px: int = 20) -> Image.Image:
    return Image.new("RGB", (side_px, side_px), COLOURS[path])


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def write_dataset(folder: Path, rows: list[dict], split: str = "dev") -> Path:
    """A data set folder with one split; rows need `path` and `image` (bytes)."""
    columns = {name: [row.get(name) for row in rows] for name in SCHEMA.names}
    columns["product_id"] = [row.get("product_id", f"p{at}") for at, row in enumerate(rows)]
    columns["view"] = [0] * len(rows)
    columns["image"] = [{"bytes": row["image"], "path": None} for row in rows]
    columns["near_train"] = [row.get("near_train", False) for row in rows]
    name = f"data/{split}-00000-of-00001.parquet"
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.table(columns, schema=SCHEMA), folder / name)
    files = {name: {"rows": len(rows), "bytes": (folder / name).stat().st_size}}
    (folder / "build.json").write_text(json.dumps({"format": 1, "rows": {split: len(rows)}, "files": files}))
    write_taxonomy(folder / "taxonomy.txt", TREE)
    return folder

"""Small pictures and tables, drawn from numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def picture(number: int, side_px: int = 24, kind: str = "PNG") -> bytes:
    """A picture of its own for each number: noise in large cells, so that difference hashes differ."""
    cells = np.random.default_rng(number).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(cells).resize((side_px, side_px), Image.Resampling.NEAREST).save(out, kind)
    return out.getvalue()


def blank(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, shade, shade)).save(out, "PNG")
    return out.getvalue()


def write_parquet(file: FilePath, rows: Sequence[Mapping[str, Any]]) -> FilePath:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), file, row_group_size=7)
    return file


def listings(
    count: int, kinds: Sequence[str] = ("Men > Shirts", "Men > Shoes", "Women > Sarees")
) -> list[dict[str, Any]]:
    """Two views of each product, kinds in turn."""
    return [
        {
            "product_id": f"p{number // 2}",
            "path": kinds[number // 2 % len(kinds)],
            "title": f"thing {number}",
            "image": {"bytes": picture(number), "path": f"{number}.png"},
        }
        for number in range(count)
    ]


def folder_bytes(folder: FilePath) -> dict[str, bytes]:
    """Every file of a folder with its content."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }

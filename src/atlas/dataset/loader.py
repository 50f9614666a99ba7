"""Rows of a data set as batches of tensors: read, decode ahead in threads, change and blend."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torch.nn import functional as F

from atlas.dataset.augment import Draws, Mixing, epoch_order
from atlas.dataset.split import in_share
from atlas.errors import DataError, ImageError
from atlas.images import ImageConfig, read_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.dataset.schema import DatasetFolder

#: Encoded pictures of one shuffling window; two windows are in memory at most.
WINDOW_BYTES = 256_000_000
#: Batches decoded ahead of the model.
AHEAD = 3


class Pictures(NamedTuple):
    """One batch as it is stored."""

    rows: NDArray[np.int64]  # (B,) places in the split
    pixels: Tensor  # uint8 (B, 3, H, W), channels last in memory


class PictureLoader:
    """The pictures of one split of a data set, for training and for scoring."""

    def __init__(
        self, dataset: DatasetFolder, split: str, image: ImageConfig, threads: int = 1, share: float = 1.0
    ) -> None:
        """Open the split's files, to use the rows of a share of its products.

        `nodes` holds the node of each row of the split (R,), -1 for a path that the tree lacks.
        """
        dataset.check_pictures()
        self.split = split
        self.image = image
        self.threads = threads
        self._groups = _RowGroups(dataset, split)
        tree = dataset.taxonomy
        table = dataset.table(split, ["path", "product_id"])
        found = [tree.find(path) for path in table["path"].to_pylist()]
        self.nodes = np.array([-1 if node is None else node for node in found], dtype=np.int64)
        products = table["product_id"].to_pylist()
        self._used = in_share(products, share)
        self.products = len({product for product, used in zip(products, self._used, strict=True) if used})

    def __len__(self) -> int:
        return int(self._used.sum())

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """The rows of a training epoch: those of the share in an order that is a pure function of seed and epoch."""
        order = epoch_order(self._groups.counts, self._groups.window, seed, epoch)
        return order[self._used[order]]

    def batches(self, batches: Iterable[NDArray[np.int64]]) -> Iterator[Pictures]:
        """The pictures of each array of rows, decoded ahead of the caller in `threads` threads, in the given order."""
        with ThreadPoolExecutor(self.threads) as pool:
            waiting: deque[Future[Pictures]] = deque()
            try:
                for rows in batches:
                    waiting.append(pool.submit(self._decode, rows, self._groups.take(rows)))
                    if len(waiting) > AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _decode(self, rows: NDArray[np.int64], encoded: list[bytes]) -> Pictures:
        try:
            pictures = [read_pixels(data, self.image) for data in encoded]
        except ImageError as error:
            raise DataError(
                f"a picture of split '{self.split}' cannot be read ({error}): build the data set again"
            ) from error
        stacked = torch.from_numpy(np.stack(pictures))  # (B, H, W, 3)
        return Pictures(rows, stacked.permute(0, 3, 1, 2))  # (B, 3, H, W)


def in_order(rows: int, batch_size: int) -> Iterator[NDArray[np.int64]]:
    """All rows as they are stored, `batch_size` at a time."""
    for start in range(0, rows, batch_size):
        yield np.arange(start, min(start + batch_size, rows), dtype=np.int64)


def change(pixels: Tensor, draws: Draws) -> Tensor:
    """Pixels (B, 3, H, W) moved and lit as drawn, float from 0 to 255; what lies outside is mirrored in."""
    affine = torch.from_numpy(draws.affine).to(pixels.device)
    grid = F.affine_grid(affine, list(pixels.shape), align_corners=False)  # (B, H, W, 2)
    moved = F.grid_sample(pixels.float(), grid, padding_mode="reflection", align_corners=False)
    contrast = torch.from_numpy(draws.contrast).to(pixels.device).view(-1, 1, 1, 1)
    brightness = torch.from_numpy(draws.brightness).to(pixels.device).view(-1, 1, 1, 1)
    return (moved - 127.5) * contrast + 127.5 + 255 * brightness


def blend(pixels: Tensor, mixing: Mixing) -> Tensor:
    """Pixels (B, 3, H, W) blended with their partners: a pasted box, or a weighted sum."""
    partner = pixels[torch.from_numpy(mixing.partner).to(pixels.device)]
    if mixing.box is None:
        return torch.lerp(partner.float(), pixels.float(), mixing.share)
    top, left, height, width = mixing.box
    blended = pixels.clone()
    blended[:, :, top : top + height, left : left + width] = partner[:, :, top : top + height, left : left + width]
    return blended


class _RowGroups:
    """Encoded pictures by row, with the row groups of the last two windows kept."""

    def __init__(self, dataset: DatasetFolder, split: str) -> None:
        self.files = [pq.ParquetFile(file, memory_map=True) for file in dataset.files(split)]
        sizes = []
        self.places: list[tuple[int, int]] = []
        self.counts: list[int] = []
        for number, file in enumerate(self.files):
            for group in range(file.num_row_groups):
                meta = file.metadata.row_group(group)
                self.places.append((number, group))
                self.counts.append(meta.num_rows)
                sizes.append(meta.total_byte_size)
        self.starts = np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)
        self.window = max(1, int(WINDOW_BYTES // max(1, np.mean(sizes)))) if sizes else 1
        self._kept: OrderedDict[int, list[bytes]] = OrderedDict()

    def take(self, rows: NDArray[np.int64]) -> list[bytes]:
        groups = np.searchsorted(self.starts, rows, side="right") - 1
        return [self._group(int(group))[int(row - self.starts[group])] for row, group in zip(rows, groups, strict=True)]

    def _group(self, group: int) -> list[bytes]:
        if group not in self._kept:
            file, inner = self.places[group]
            column = self.files[file].read_row_group(inner, columns=["image.bytes"])["image"].combine_chunks()
            self._kept[group] = column.field("bytes").to_pylist()
            while len(self._kept) > 2 * self.window:
                self._kept.popitem(last=False)
        return self._kept[group]

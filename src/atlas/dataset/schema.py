"""The data set's columns, and a data set folder opened and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import DataError, TaxonomyError
from atlas.storage import PART_SUFFIX, part_of, read_json, sha256_file
from atlas.taxonomy.files import read_taxonomy
from atlas.taxonomy.mapping import Mapping as StoreMapping
from atlas.taxonomy.mapping_file import mapping_id, read_mapping
from atlas.taxonomy.tree import Taxonomy

#: Number of the folder's form; a reader refuses what it does not know.
FORMAT = 1
BUILD_FILE = "build.json"
TAXONOMY_FILE = "taxonomy.txt"
REJECTED_FILE = "rejected.jsonl"
MAPPING_FILE = "mapping.csv"

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FIELDS = pa.schema(
    [
        ("product_id", pa.string()),
        ("view", pa.int32()),  # 0, 1, .. within a product
        ("title", pa.string()),
        ("price", pa.float64()),
        ("currency", pa.string()),
        ("store", pa.string()),
        ("url", pa.string()),
        ("breadcrumb", pa.list_(pa.string())),  # the store's own words
        ("path", pa.list_(pa.string())),  # the label
        ("image", _IMAGE),  # encoded as it came
        ("width", pa.int32()),  # px, upright
        ("height", pa.int32()),
        ("sha256", pa.string()),  # of the encoded picture
        ("group", pa.int64()),  # products that share a picture have the same number
        ("marks", pa.list_(pa.string())),
        ("near_train", pa.bool_()),  # product or picture, or a near copy of it, is also in train
    ]
)
_SHARD = re.compile(r"(?P<split>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.parquet")


def _features(schema: pa.Schema) -> dict[str, Any]:
    """Hugging Face's description of the columns; lists in the form that old and new versions of `datasets` read."""

    def feature(kind: pa.DataType) -> Any:
        if kind == _IMAGE:
            return {"_type": "Image"}
        if pa.types.is_list(kind):
            return [feature(kind.value_type)]
        return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}

    return {entry.name: feature(entry.type) for entry in schema}


#: One row per picture, with the metadata by which `datasets` and the Hub decode the pictures.
SCHEMA = _FIELDS.with_metadata({"huggingface": json.dumps({"info": {"features": _features(_FIELDS)}})})


@dataclass(frozen=True)
class DatasetFolder:
    """A data set that was found whole when it was opened. `splits` counts the rows (pictures) of each, in order."""

    folder: FilePath
    taxonomy: Taxonomy
    splits: dict[str, int]
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)  # the content of build.json
    mapping: StoreMapping | None = None  # by which store paths became labels

    @property
    def links_only(self) -> bool:
        """Whether it holds addresses in place of pictures."""
        return bool(self.record.get("options", {}).get("links_only"))

    def check_pictures(self) -> None:
        """Raise DataError when there are addresses in place of pictures."""
        if self.links_only:
            raise DataError(
                f"{self.folder} holds links and no pictures: `atlas collect {self.folder} -o crawl` fetches them, then "
                f"`atlas build {self.folder} --pictures crawl -o dataset`"
            )

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name this build: options, source and files."""
        return sha256_file(self.folder / BUILD_FILE)[:12]

    def files(self, split: str) -> list[FilePath]:
        """The shards of a split in stored order. Raises DataError for a split that the data set does not have."""
        if split not in self.splits:
            raise DataError(f"{self.folder} has no split {split!r}: it has {', '.join(self.splits)}")
        return sorted((self.folder / "data").glob(f"{split}-?????-of-?????.parquet"))

    def table(self, split: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A split's columns in stored order; all but the pictures unless asked."""
        wanted = list(columns) if columns is not None else [name for name in SCHEMA.names if name != "image"]
        return pa.concat_tables(_read(file, wanted) for file in self.files(split))

    def batches(
        self, split: str, columns: Sequence[str] | None = None, batch_rows: int = 256
    ) -> Iterator[pa.RecordBatch]:
        """A split's rows in stored order, at most `batch_rows` at a time; all columns, pictures too, unless told."""
        wanted = _known(columns if columns is not None else SCHEMA.names)
        for file in self.files(split):
            with pq.ParquetFile(file, buffer_size=1 << 20) as shard:
                yield from shard.iter_batches(batch_rows, columns=wanted)


def open_dataset(folder: FilePath) -> DatasetFolder:
    """The data set of a folder, its tree and its splits; reads the ends of its files, not their rows.

    Raises DataError that names the file when one is missing, cut, or not what `build.json` says of it.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a data set folder: make one with `atlas build SOURCE -o {folder}`{_unfinished(folder)}"
        )
    record = read_json(folder / BUILD_FILE)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise DataError(f"{folder / BUILD_FILE} is not of format {FORMAT}: build the data set again with this Atlas")
    try:
        splits = {str(split): int(rows) for split, rows in record["rows"].items()}
        sizes = {str(name): (int(entry["rows"]), int(entry["bytes"])) for name, entry in record["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{folder / BUILD_FILE} is damaged ({error}): build the data set again") from error
    for name, (rows, size_bytes) in sizes.items():
        _check_shard(folder / name, rows, size_bytes)
    _check_complete(folder, splits, sizes)
    if not (folder / TAXONOMY_FILE).is_file():
        raise DataError(f"{folder / TAXONOMY_FILE} is missing: build the data set again")
    return DatasetFolder(folder, read_taxonomy(folder / TAXONOMY_FILE), splits, record, _mapping(folder, record))


def shard_name(split: str, index: int, count: int) -> str:
    """The file of one shard, relative to the folder, as the Hub names them."""
    return f"data/{split}-{index:05d}-of-{count:05d}.parquet"


def _mapping(folder: FilePath, record: Mapping[str, Any]) -> StoreMapping | None:
    """The mapping that the data set was built with. Raises DataError when it is missing or another one."""
    known = record.get("options", {}).get("mapping")
    if known is None:
        return None
    try:
        mapping = read_mapping(folder / MAPPING_FILE)
    except TaxonomyError as error:
        raise DataError(f"{error}; build the data set again, or copy it again with all its files") from error
    if mapping_id(mapping) != known:
        raise DataError(f"{folder / MAPPING_FILE} was changed: build the data set again with the new mapping")
    return mapping


def _check_shard(file: FilePath, rows: int, size_bytes: int) -> None:
    if not file.is_file():
        raise DataError(f"{file} is missing: build the data set again, or copy it again with all its files")
    try:
        with pq.ParquetFile(file) as shard:
            found, schema = shard.metadata.num_rows, shard.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is damaged or cut ({_line(error)}): copy or build it again") from error
    if not schema.equals(SCHEMA):
        strange = [
            entry.name for entry in SCHEMA if entry.name not in schema.names or schema.field(entry.name) != entry
        ]
        raise DataError(
            f"{file} has other columns than an Atlas data set ({', '.join(strange[:5]) or 'more'}): build it again"
        )
    if found != rows or file.stat().st_size != size_bytes:
        raise DataError(
            f"{file} has {found:,} rows in {file.stat().st_size:,} bytes, but {BUILD_FILE} says {rows:,} in "
            f"{size_bytes:,}: it was changed or comes from another build"
        )


def _check_complete(folder: FilePath, splits: dict[str, int], sizes: dict[str, tuple[int, int]]) -> None:
    """Each split's shards must be all there, and nothing else beside them."""
    found: dict[str, int] = dict.fromkeys(splits, 0)
    for name, (rows, _) in sizes.items():
        shard = _SHARD.fullmatch(FilePath(name).name)
        if shard is None or shard["split"] not in splits:
            raise DataError(f"{folder / BUILD_FILE} lists {name}, which is no shard of {', '.join(splits)}")
        found[shard["split"]] += rows
    if found != splits:
        raise DataError(
            f"{folder / BUILD_FILE} counts {splits} rows, but its files hold {found}: build the data set again"
        )
    strange = sorted(
        {file.name for file in (folder / "data").glob("*.parquet")} - {FilePath(name).name for name in sizes}
    )
    if strange:
        raise DataError(f"{folder / 'data' / strange[0]} does not belong to this data set: move it elsewhere")


def _read(file: FilePath, columns: Sequence[str]) -> pa.Table:
    try:
        with pq.ParquetFile(file) as shard:
            return shard.read(_known(columns))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is damaged ({_line(error)}): copy or build it again") from error


def _known(columns: Sequence[str]) -> list[str]:
    for name in columns:
        if name.split(".")[0] not in SCHEMA.names:
            raise DataError(f"a data set has no column {name!r}: it has {', '.join(SCHEMA.names)}")
    return list(columns)


def _unfinished(folder: FilePath) -> str:
    if folder.name.endswith(PART_SUFFIX) or not part_of(folder).is_dir():
        return ""
    return f" ({part_of(folder)} holds an unfinished one: take it up with --resume)"


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]

"""What `build` was told, made concrete for one source before any work begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from atlas.clean.closeups import load_closeups
from atlas.clean.descriptor import DESCRIPTOR
from atlas.dataset.columns import NEEDED, SIGN, Columns, read_columns
from atlas.dataset.decisions import Wishes
from atlas.dataset.labels import Rare
from atlas.dataset.listings import Fetched, fetched_pictures
from atlas.dataset.rows import Labelling, PictureSource, RowReader
from atlas.dataset.schema import BUILD_FILE, FORMAT, TAXONOMY_FILE, DatasetFolder, open_dataset
from atlas.dataset.sources import Source, SourceFile, listing_files, open_source
from atlas.dataset.split import DEFAULT_SPLITS, OwnSplits, Shares, parse_splits
from atlas.errors import UsageError
from atlas.stages.build_twins import described
from atlas.stages.zoom import CloseUpCutter, Zoomed, ZoomFilter, zoom_filter
from atlas.storage import read_json
from atlas.taxonomy.files import load_taxonomy
from atlas.taxonomy.mapping import Mapping
from atlas.taxonomy.mapping_file import mapping_id, read_mapping
from atlas.taxonomy.patch_file import Patch, read_patch
from atlas.taxonomy.tree import Taxonomy


@dataclass(frozen=True)
class BuildOptions:
    """What `atlas build` can be told; see its help."""

    columns: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    splits: str | None = None
    taxonomy: str | None = None
    min_support: int = 0
    rare: Rare = "fold"
    seed: int = 0
    mapping: FilePath | None = None
    use_suggested: bool = False
    pictures: FilePath | None = None
    links_only: bool = False
    hold_out_store: tuple[str, ...] = ()
    closeups: str | None = None  # settings by which they are cut
    zoom_model: FilePath | None = None
    zoomed: Zoomed | None = None
    zoom_threshold: float | None = None
    patch: tuple[FilePath, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The options made concrete for one source."""

    source: Source
    readers: tuple[RowReader, ...]
    wishes: Wishes
    record: dict[str, Any]  # for build.json: where the data comes from and how it was asked for
    mapping: Mapping | None = None
    unread: dict[str, int] = field(default_factory=dict)  # what belongs to no split, with the pictures in it
    pictures: Source | None = None  # the crawl that has the pictures, where it is not the source itself
    relinked: bool = False  # whether a data set of links is given its pictures again
    new_pictures: int = 0  # in that crawl and not in the data set
    zoom: ZoomFilter | None = None
    patches: tuple[Patch, ...] = ()  # as they were read; what of them fits the source is found later

    def fingerprint(self) -> str:
        """Equal when source and pictures are as they were."""
        return self.source.fingerprint() + (self.pictures.fingerprint() if self.pictures else "")


def make_plan(source: FilePath, options: BuildOptions) -> Plan:
    """What is to be read and how. Raises UsageError before any work when options and source do not fit."""
    links = _links(source)
    if links is not None:
        return _plan_relinked(links, source, options)
    if options.min_support < 0:
        raise UsageError(f"--min-support {options.min_support}: use 0 (keep all) or more")
    if options.use_suggested and options.mapping is None and not options.patch:
        raise UsageError("--use-suggested says how to read a mapping or a patch: name one with --mapping or --patch")
    where = _where(options.where)
    opened, columns, splits, values, unread = _divided(
        open_source(source), read_columns(options.columns), options.splits
    )
    if opened.is_tree and options.pictures is not None:
        raise UsageError(f"{source} holds its pictures in folders itself: leave out --pictures")
    taxonomy = load_taxonomy(options.taxonomy) if options.taxonomy else None
    mapping = read_mapping(options.mapping, taxonomy) if options.mapping else None
    patches = tuple(read_patch(file, taxonomy) for file in options.patch)
    cutter = _cutter(options)
    zoom = zoom_filter(options.zoom_model, options.zoomed, options.zoom_threshold)
    needed = ("image",) if cutter else NEEDED if mapping is None else ("image", "breadcrumb")
    by_file = opened.check_columns(columns, where, needed)
    labelling = None if mapping is None else Labelling(mapping, options.use_suggested)
    crawl, fetched = _pictures(options.pictures)
    readers = tuple(
        RowReader(
            found,
            PictureSource(options.pictures or opened.folder(entry), fetched, options.links_only),
            entry.split,
            values,
            where,
            labelling,
            cutter,
            zoom is not None,
            described,
        )
        for entry, found in zip(opened.files, by_file, strict=True)
    )
    if options.hold_out_store and not isinstance(splits, Shares):
        raise UsageError("--hold-out-store says what the test is: leave out the source's own splits")
    wishes = Wishes(
        *(splits, taxonomy, options.min_support, options.rare, options.seed), held_out=options.hold_out_store
    )
    record = _header(opened, unread, crawl) | {"options": _asked(options, by_file, taxonomy, mapping)}
    if cutter:
        record["options"]["closeups"] = cutter.description()
    if zoom:
        record["options"]["zoom"] = zoom.description()
    if patches:
        record["options"]["patch"] = [patch.digest for patch in patches]
    return Plan(opened, readers, wishes, record, mapping, unread, crawl, zoom=zoom, patches=patches)


def _cutter(options: BuildOptions) -> CloseUpCutter | None:
    """What cuts close-ups, if they were asked for. Raises UsageError for options that make no sense beside it."""
    if options.closeups is None:
        return None
    others = ("taxonomy", "mapping", "use_suggested", "links_only", "min_support", "zoom_model", "patch")
    wrong = ["--" + name.replace("_", "-") for name in others if getattr(options, name)]
    if wrong:
        raise UsageError(f"--closeups makes pictures with labels of its own: leave out {', '.join(wrong)}")
    return CloseUpCutter(load_closeups(options.closeups))


class _Divided(NamedTuple):
    """A source and its columns with what is to be done about splits."""

    source: Source
    columns: Columns
    splits: Shares | OwnSplits
    values: dict[str, str]  # the split column's value -> split
    unread: dict[str, int]  # what belongs to no split, with the pictures in it


def _divided(source: Source, columns: Columns, wish: str | None) -> _Divided:
    """The source as `--splits` divides it. Raises UsageError when that names what is not there."""
    splits = _splits(wish, own=columns.has_split)
    if isinstance(splits, Shares):
        return _Divided(source, columns.without_split(), splits, {}, {})
    if not columns.has_split and source.says_split(splits.patterns):
        columns = columns.also(["split"])
    if columns.has_split:
        values = {value: name for name, wanted in splits.patterns.items() for value in wanted}
        return _Divided(source, columns, splits, values, {})
    taken, unread = source.with_splits(splits.patterns)
    return _Divided(taken, columns, splits, {}, unread)


def _plan_relinked(links: DatasetFolder, source: FilePath, options: BuildOptions) -> Plan:
    """The same rows in the same parts, with pictures from a crawl, each of which must be the one that it was."""
    wrong = [entry.name for entry in fields(options) if getattr(options, entry.name) != entry.default]
    if options.pictures is None:
        raise UsageError(
            f"{source} is a data set of links: fetch its pictures with `atlas collect {source} -o crawl`, then name "
            "that folder with --pictures crawl"
        )
    if wrong != ["pictures"]:
        more = ", ".join("--" + name.replace("_", "-") for name in wrong if name != "pictures")
        raise UsageError(f"{source} is a data set of links, which is built as it was: leave out {more}")
    shards = [(split, file) for split in links.splits for file in links.files(split)]
    files = tuple(SourceFile(f"data/{file.name}", file, "parquet", split) for split, file in shards)
    opened = Source(source.resolve().name, source, files)
    by_file = opened.check_columns(read_columns(()).also(["sha256", "marks"]))
    crawl, fetched = _pictures(options.pictures)
    if fetched is None:
        raise UsageError(f"{options.pictures} is no crawl: `atlas collect {source} -o crawl` makes one")
    readers = tuple(
        RowReader(columns, PictureSource(options.pictures, fetched), entry.split, describe=described)
        for entry, columns in zip(files, by_file, strict=True)
    )
    told = links.record["options"]
    parts = OwnSplits({split: (split,) for split in links.splits})
    wishes = Wishes(parts, links.taxonomy, 0, "fold", int(told["seed"]), as_given=True)
    record = _header(opened, {}, crawl) | {"options": {**told, "links_only": False}}
    known = {row["path"] for split in links.splits for row in links.table(split, ["image.path"])["image"].to_pylist()}
    new = sum(1 for url, found in fetched.items() if found.file and url not in known)
    return Plan(opened, readers, wishes, record, links.mapping, {}, crawl, True, new)


def _links(source: FilePath) -> DatasetFolder | None:
    """The data set of links that a source is, if it is one."""
    if not (source / BUILD_FILE).is_file() or not (source / TAXONOMY_FILE).is_file():
        return None
    record = read_json(source / BUILD_FILE)
    options = record.get("options") if isinstance(record, dict) else None
    return open_dataset(source) if isinstance(options, dict) and options.get("links_only") else None


def _pictures(folder: FilePath | None) -> tuple[Source | None, dict[str, Fetched] | None]:
    """The crawls in a folder of pictures, and what became of each address there; nothing where it holds none."""
    if folder is None:
        return None, None
    if not folder.is_dir():
        raise UsageError(f"--pictures {folder}: name a folder of pictures, or of a crawl")
    found = sorted(listing_files(folder))
    if not found:
        return None, None
    fetched: dict[str, Fetched] = {}
    for file in found:
        inside = file.parent.relative_to(folder)
        for url, here in fetched_pictures(file):
            if url not in fetched or not fetched[url].file:
                fetched[url] = here._replace(file=(inside / here.file).as_posix()) if here.file else here
    entries = tuple(SourceFile(file.relative_to(folder).as_posix(), file, "listings") for file in found)
    return Source(folder.resolve().name, folder, entries), fetched


def _splits(text: str | None, *, own: bool) -> Shares | OwnSplits:
    """What `--splits` says; without it the split column's own values where one was named, else the default shares."""
    return OwnSplits({}) if text is None and own else parse_splits(text or DEFAULT_SPLITS)


def _where(conditions: Sequence[str]) -> dict[str, frozenset[str]]:
    """Column -> values to keep; a column named twice keeps either value."""
    wanted: dict[str, frozenset[str]] = {}
    for condition in conditions:
        column, equals, value = condition.partition("=")
        if not equals or not column.strip():
            raise UsageError(f"--where {condition!r}: write column=value")
        wanted[column.strip()] = wanted.get(column.strip(), frozenset()) | {value.strip()}
    return wanted


def _header(source: Source, unread: Iterable[str], pictures: Source | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "atlas": version("atlas-categorizer"),
        "source": {
            "name": source.name,
            "files": [entry.name for entry in source.files],
            "unread": list(unread),
            "pictures": pictures.name if pictures else None,
        },
    }


def _asked(
    options: BuildOptions, columns: Sequence[Columns], taxonomy: Taxonomy | None, mapping: Mapping | None
) -> dict[str, Any]:
    named = {key: f" {SIGN} ".join(names) for found in columns for key, names in found.names.items()}
    return {
        "columns": {**dict(sorted(named.items())), "separator": columns[0].separator},
        "where": list(options.where),
        "splits": options.splits,
        "taxonomy": taxonomy.digest if taxonomy else None,
        "mapping": mapping_id(mapping) if mapping else None,
        "use_suggested": options.use_suggested,
        "links_only": options.links_only,
        "min_support": options.min_support,
        "rare": options.rare,
        "hold_out_store": list(options.hold_out_store),
        "duplicates": DESCRIPTOR,
        "seed": options.seed,
    }

"""`build`: labelled products from tables or folders to a data set."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

from atlas.dataset.columns import SIGN, Columns, read_columns
from atlas.dataset.decisions import LATE_REASONS, Decisions, Wishes, decide
from atlas.dataset.labels import Rare
from atlas.dataset.parts import Keys, Parts, load_keys, rejected
from atlas.dataset.reading import read_source
from atlas.dataset.reasons import BY_CHOICE
from atlas.dataset.rows import RowReader
from atlas.dataset.schema import BUILD_FILE, FORMAT, REJECTED_FILE, TAXONOMY_FILE
from atlas.dataset.shards import card, write_rejected, write_split
from atlas.dataset.sources import Source, open_source
from atlas.dataset.split import DEFAULT_SPLITS, DEV, OwnSplits, Shares, parse_splits
from atlas.errors import NothingDoneError, UsageError
from atlas.progress import Progress, Silent
from atlas.storage import PART_SUFFIX, claim_output, part_of, publish_folder, read_json, write_json, write_text
from atlas.taxonomy.files import load_taxonomy, write_taxonomy
from atlas.taxonomy.tree import Taxonomy

_FINGERPRINT = "fingerprint.json"


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


@dataclass(frozen=True)
class BuildSummary:
    """What was built, or would be (`dry_run`). `record` is the content of build.json, less its files in a dry run."""

    output: FilePath
    record: dict[str, Any]
    dry_run: bool = False

    @property
    def failed(self) -> int:
        """Rows that were rejected though nobody wished it."""
        return sum(count for reason, count in self.record["rejected"].items() if reason not in BY_CHOICE)


@dataclass(frozen=True)
class _Plan:
    """The options made concrete for one source."""

    source: Source
    readers: tuple[RowReader, ...]
    wishes: Wishes
    unread: tuple[str, ...]  # files that belong to no split
    record: dict[str, Any]  # for build.json: where the data comes from and how it was asked for


def build(
    source: FilePath,
    output: FilePath,
    options: BuildOptions | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> BuildSummary:
    """Build the data set folder `output` from a table, a folder of tables, or folders of pictures.

    A build that was killed goes on with `resume` and ends with the same bytes. A bad row costs itself only: it is
    counted in build.json and listed in rejected.jsonl. Raises UsageError for options that do not fit the source,
    DataError for a file that cannot be read at all, NothingDoneError when no row is left.
    """
    options, progress = options or BuildOptions(), progress or Silent()
    _check_apart(source, output)
    plan = _plan(open_source(source), options)
    if dry_run:
        parts = Parts(None)
        read_source(plan.source, plan.readers, parts, progress)
        decisions = _decide(parts, load_keys(parts.batches), plan)
        return BuildSummary(output, _record(plan, parts, decisions), dry_run=True)
    work = _claim(output, plan, resume=resume, overwrite=overwrite)
    parts = Parts(work / "parts")
    read_source(plan.source, plan.readers, parts, progress)
    keys = load_keys(parts.batches)
    try:
        decisions = _decide(parts, keys, plan)
    except NothingDoneError:
        shutil.rmtree(work)  # there is nothing to resume: the options must change
        raise
    record = _record(plan, parts, decisions)
    if DEV not in record["rows"]:
        progress.say(f"no rows for '{DEV}': training will keep its last epoch instead of the best one")
    _write(work / "dataset", parts, keys, decisions, record, progress)
    publish_folder(work / "dataset", output)
    del parts
    shutil.rmtree(work)
    return BuildSummary(output, record)


def _plan(source: Source, options: BuildOptions) -> _Plan:
    """What is to be read and how. Raises UsageError before any work when options and source do not fit."""
    if options.min_support < 0:
        raise UsageError(f"--min-support {options.min_support}: use 0 (keep all) or more")
    columns = read_columns(options.columns)
    where = _where(options.where)
    splits = _splits(options.splits, own=columns.has_split)
    values: dict[str, str] = {}
    unread: tuple[str, ...] = ()
    if isinstance(splits, OwnSplits) and columns.has_split:
        values = {value: name for name, wanted in splits.patterns.items() for value in wanted}
    elif isinstance(splits, OwnSplits):
        source, unread = source.with_splits(splits.patterns)
    if isinstance(splits, Shares):
        columns = columns.without_split()
    by_file = source.check_columns(columns, where)
    readers = tuple(
        RowReader(found, source.folder(entry), entry.split, values, where)
        for entry, found in zip(source.files, by_file, strict=True)
    )
    taxonomy = load_taxonomy(options.taxonomy) if options.taxonomy else None
    wishes = Wishes(splits, taxonomy, options.min_support, options.rare, options.seed)
    return _Plan(source, readers, wishes, unread, _asked(source, unread, options, by_file, taxonomy))


def _check_apart(source: FilePath, output: FilePath) -> None:
    """A result inside its own source would be read next time; one around it would take it away."""
    here, there = source.resolve(), output.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise UsageError(f"{output} and the source {source} lie in one another: name a folder elsewhere with -o")


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


def _asked(
    source: Source,
    unread: Sequence[str],
    options: BuildOptions,
    columns: Sequence[Columns],
    taxonomy: Taxonomy | None,
) -> dict[str, Any]:
    files = [entry.name for entry in source.files]
    named = {key: f" {SIGN} ".join(names) for found in columns for key, names in found.names.items()}
    return {
        "format": FORMAT,
        "atlas": version("atlas-categorizer"),
        "source": {"name": source.name, "files": files, "unread": list(unread)},
        "options": {
            "columns": {**dict(sorted(named.items())), "separator": columns[0].separator},
            "where": list(options.where),
            "splits": options.splits,
            "taxonomy": taxonomy.digest if taxonomy else None,
            "min_support": options.min_support,
            "rare": options.rare,
            "seed": options.seed,
        },
    }


def _claim(output: FilePath, plan: _Plan, *, resume: bool, overwrite: bool) -> FilePath:
    """The folder to work in. Raises UsageError when unfinished work there was begun with something else."""
    work = part_of(output)
    if output.exists() and work.exists() and not (work / "dataset").exists():
        shutil.rmtree(work)  # killed between publishing and tidying up
    work = claim_output(output, resume=resume, overwrite=overwrite)
    (work / "dataset" / "data").mkdir(parents=True, exist_ok=True)
    for leftover in work.rglob(f".*{PART_SUFFIX}"):  # half-written files of a killed build
        leftover.unlink()
    now = {"atlas": plan.record["atlas"], "source": plan.source.fingerprint(), **plan.record["options"]}
    if (work / _FINGERPRINT).exists():
        before = read_json(work / _FINGERPRINT)
        changed = [
            f"{key} ({before.get(key)} then, {value} now)" for key, value in now.items() if before.get(key) != value
        ]
        if changed:
            raise UsageError(
                f"{work} was begun with another {'; '.join(changed)}: use the same again with --resume, or --overwrite"
            )
    write_json(work / _FINGERPRINT, now)
    return work


def _decide(parts: Parts, keys: Keys, plan: _Plan) -> Decisions:
    try:
        return decide(keys, plan.wishes)
    except NothingDoneError as error:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected(parts.batches).most_common())
        left_out = ", ".join(f"{count:,} left out by --{wish}" for wish, count in parts.state.left_out.items())
        rows = sum(batch.num_rows for batch in parts.batches)
        told = "; ".join(text for text in (reasons, left_out) if text)
        raise NothingDoneError(f"{error} ({rows:,} rows read{': ' + told if told else ''})") from error


def _record(plan: _Plan, parts: Parts, decisions: Decisions) -> dict[str, Any]:
    """The content of build.json, less the files. Nothing in it depends on when or where it was built."""
    tree = decisions.taxonomy
    counts = rejected(parts.batches)
    counts.update(Counter(str(LATE_REASONS[code]) for code in decisions.late[decisions.late > 0].tolist()))
    return {
        **plan.record,
        "rows": {split: len(rows) for split, rows in decisions.rows.items()},
        **decisions.figures,
        "near_train": {split: int(decisions.near_train[rows].sum()) for split, rows in decisions.rows.items()},
        "taxonomy": {
            "id": tree.digest,
            "levels": tree.levels,
            "leaves": len(tree.leaves),
            "answers": len(tree.answers),
        },
        "rejected": dict(counts.most_common()),
        "left_out": dict(parts.state.left_out),
    }


def _write(
    folder: FilePath, parts: Parts, keys: Keys, decisions: Decisions, record: dict[str, Any], progress: Progress
) -> None:
    progress.begin("writing", sum(record["rows"].values()))
    files: dict[str, dict[str, int]] = {}
    for split, rows in decisions.rows.items():
        for name, count in write_split(folder, split, rows, keys.weight, parts.batches, decisions):
            files[name] = {"rows": count, "bytes": (folder / name).stat().st_size}
            progress.advance(count)
    write_rejected(folder / REJECTED_FILE, parts.batches, decisions)
    write_taxonomy(folder / TAXONOMY_FILE, decisions.taxonomy)
    write_text(folder / "README.md", card(record))
    write_json(folder / BUILD_FILE, {**record, "files": files})

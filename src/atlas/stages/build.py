"""`build`: labelled products from tables or folders to a data set."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from atlas.dataset.card import card
from atlas.dataset.decisions import LATE_REASONS, Decisions, decide
from atlas.dataset.parts import Keys, Parts, load_keys, rejected
from atlas.dataset.reading import read_source
from atlas.dataset.reasons import BY_CHOICE, Reason
from atlas.dataset.schema import BUILD_FILE, MAPPING_FILE, REJECTED_FILE, TAXONOMY_FILE
from atlas.dataset.shards import write_rejected, write_split
from atlas.dataset.split import DEV, Twins
from atlas.errors import NothingDoneError, UsageError
from atlas.progress import Progress, Silent
from atlas.stages.build_patch import find_patched
from atlas.stages.build_plan import BuildOptions, Plan, make_plan
from atlas.stages.build_twins import FoundTwins, find_twins
from atlas.storage import PART_SUFFIX, claim_output, part_of, publish_folder, read_json, write_json, write_text
from atlas.taxonomy.files import write_taxonomy
from atlas.taxonomy.mapping import STATUSES, Mapping, clean_store_path
from atlas.taxonomy.mapping_file import mapping_id, write_mapping
from atlas.taxonomy.tree import format_path

__all__ = ["BuildOptions", "BuildSummary", "build"]

_FINGERPRINT = "fingerprint.json"


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
    """Build the data set folder `output` from crawls, tables, records of the paper, or folders of pictures.

    A data set of links becomes again what it was, with the pictures of a crawl.

    A build that was killed goes on with `resume` and ends with the same bytes. A bad row costs itself only: it is
    counted in build.json and listed in rejected.jsonl. Raises UsageError for options that do not fit the source,
    DataError for a file that cannot be read at all or a broken patch, NothingDoneError when no row is left.
    """
    options, progress = options or BuildOptions(), progress or Silent()
    _check_apart(source, output)
    plan = make_plan(source, options)
    patched = find_patched(plan.patches, options.use_suggested, plan.source, plan.readers, progress)
    plan = replace(plan, readers=tuple(replace(reader, patched=patched.paths) for reader in plan.readers))
    if dry_run:
        parts = Parts(None)
        read_source(plan.source, plan.readers, parts, progress, plan.zoom or list)
        keys = load_keys(parts.batches)
        found = find_twins(keys, parts.batches, progress)
        decisions = _decide(parts, keys, found.twins, plan)
        return BuildSummary(output, _record(plan, parts, found, decisions) | patched.told(keys), dry_run=True)
    work = _claim(output, plan, resume=resume, overwrite=overwrite)
    parts = Parts(work / "parts")
    read_source(plan.source, plan.readers, parts, progress, plan.zoom or list)
    keys = load_keys(parts.batches)
    found = find_twins(keys, parts.batches, progress)
    try:
        decisions = _decide(parts, keys, found.twins, plan)
    except (NothingDoneError, UsageError):
        shutil.rmtree(work)  # there is nothing to resume: the options must change
        raise
    record = _record(plan, parts, found, decisions) | patched.told(keys)
    if DEV not in record["rows"]:
        progress.say(f"no rows for '{DEV}': training will keep its last epoch instead of the best one")
    _write(work / "dataset", parts, keys, decisions, record, plan.mapping, progress)
    publish_folder(work / "dataset", output)
    del parts
    shutil.rmtree(work)
    return BuildSummary(output, record)


def _check_apart(source: FilePath, output: FilePath) -> None:
    """A result inside its own source would be read next time; one around it would take it away."""
    here, there = source.resolve(), output.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise UsageError(f"{output} and the source {source} lie in one another: name a folder elsewhere with -o")


def _claim(output: FilePath, plan: Plan, *, resume: bool, overwrite: bool) -> FilePath:
    """The folder to work in. Raises UsageError when unfinished work there was begun with something else."""
    work = part_of(output)
    if output.exists() and work.exists() and not (work / "dataset").exists():
        shutil.rmtree(work)  # killed between publishing and tidying up
    work = claim_output(output, resume=resume, overwrite=overwrite)
    (work / "dataset" / "data").mkdir(parents=True, exist_ok=True)
    for leftover in work.rglob(f".*{PART_SUFFIX}"):  # half-written files of a killed build
        leftover.unlink()
    now = {"atlas": plan.record["atlas"], "source": plan.fingerprint(), **plan.record["options"]}
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


def _decide(parts: Parts, keys: Keys, twins: Twins, plan: Plan) -> Decisions:
    try:
        return decide(keys, twins, plan.wishes)
    except NothingDoneError as error:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected(parts.batches).most_common())
        left_out = ", ".join(f"{count:,} left out by --{wish}" for wish, count in parts.state.left_out.items())
        rows = sum(batch.num_rows for batch in parts.batches)
        told = "; ".join(text for text in (reasons, left_out) if text)
        raise NothingDoneError(f"{error} ({rows:,} rows read{': ' + told if told else ''}){_advice(plan)}") from error


def _advice(plan: Plan) -> str:
    """What to do where listings or a mapping gave no label at all; empty where the reasons say enough."""
    if plan.mapping is None:
        crawled = any(entry.kind == "listings" for entry in plan.source.files)
        needed = "; listings need --mapping FILE, or --columns path=breadcrumb for their stores' own trees"
        return needed if crawled else ""
    statuses = Counter(row.status for row in plan.mapping.rows)
    if statuses["confirmed"]:
        return ""
    return (
        f"; no row of the mapping is confirmed ({statuses['suggested']:,} suggested): confirm some, or --use-suggested"
    )


def _record(plan: Plan, parts: Parts, found: FoundTwins, decisions: Decisions) -> dict[str, Any]:
    """The content of build.json, less the files. Nothing in it depends on when or where it was built."""
    tree = decisions.taxonomy
    counts = rejected(parts.batches)
    counts.update(Counter(str(LATE_REASONS[code]) for code in decisions.late[decisions.late > 0].tolist()))
    left_out = Counter(parts.state.left_out)
    left_out.update({"splits": sum(plan.unread.values())} if any(plan.unread.values()) else {})
    mapped = {} if plan.mapping is None else {"mapping": _mapped(plan.mapping, parts)}
    drift = {"drift": _drift(counts, decisions, plan.new_pictures)} if plan.relinked else {}
    return {
        **plan.record,
        "rows": {split: len(rows) for split, rows in decisions.rows.items()},
        **decisions.figures,
        "duplicates": found.figures,
        "near_train": {split: int(decisions.near_train[rows].sum()) for split, rows in decisions.rows.items()},
        "taxonomy": {
            "id": tree.digest,
            "levels": tree.levels,
            "leaves": len(tree.leaves),
            "answers": len(tree.answers),
        },
        "rejected": dict(counts.most_common()),
        "left_out": dict(left_out),
        "marks": _marks(parts, decisions),
        **mapped,
        **drift,
    }


def _marks(parts: Parts, decisions: Decisions) -> dict[str, int]:
    """How many of the pictures that were kept bear each mark."""
    counts: Counter[str] = Counter()
    start = 0
    for batch in parts.batches:
        kept = batch["reason"].is_null().to_numpy(zero_copy_only=False)
        kept &= decisions.late[start : start + batch.num_rows] == 0
        counts.update(pc.list_flatten(batch["marks"].filter(pa.array(kept))).to_pylist())
        start += batch.num_rows
    return dict(counts.most_common())


def _mapped(mapping: Mapping, parts: Parts) -> dict[str, Any]:
    """The mapping in figures, and which store paths it leaves open, those of most rows first."""
    open_paths: Counter[tuple[str, str]] = Counter()
    for batch in parts.batches:
        rows = batch.select(["store", "breadcrumb"]).filter(pc.equal(batch["reason"], str(Reason.UNMAPPED)))
        for row in rows.to_pylist():
            open_paths[row["store"] or "", format_path(clean_store_path(row["breadcrumb"] or ()))] += 1
    listed = sorted(open_paths.items(), key=lambda entry: (-entry[1], entry[0]))
    return {
        "id": mapping_id(mapping),
        **{status: sum(row.status == status for row in mapping.rows) for status in STATUSES},
        "unmapped": [{"store": store, "store_path": path, "rows": count} for (store, path), count in listed],
    }


def _drift(counts: Counter[str], decisions: Decisions, new: int) -> dict[str, int]:
    """What became of the pictures of a data set of links."""
    dead = [Reason.NOT_FETCHED, Reason.MISSING_FILE, Reason.NO_PICTURE, Reason.TOO_BIG, Reason.UNREADABLE]
    return {
        "same": sum(map(len, decisions.rows.values())),
        "changed": counts.get(str(Reason.CHANGED), 0),
        "dead": sum(counts.get(str(reason), 0) for reason in dead),
        "not_collected": counts.get(str(Reason.NOT_COLLECTED), 0),
        "new": new,
    }


def _write(
    folder: FilePath,
    parts: Parts,
    keys: Keys,
    decisions: Decisions,
    record: dict[str, Any],
    mapping: Mapping | None,
    progress: Progress,
) -> None:
    progress.begin("writing", sum(record["rows"].values()))
    files: dict[str, dict[str, int]] = {}
    for split, rows in decisions.rows.items():
        for name, count in write_split(folder, split, rows, keys.weight, parts.batches, decisions):
            files[name] = {"rows": count, "bytes": (folder / name).stat().st_size}
            progress.advance(count)
    write_rejected(folder / REJECTED_FILE, parts.batches, decisions)
    write_taxonomy(folder / TAXONOMY_FILE, decisions.taxonomy)
    if mapping is not None:
        write_mapping(folder / MAPPING_FILE, mapping)
    write_text(folder / "README.md", card(record))
    write_json(folder / BUILD_FILE, {**record, "files": files})

"""Pictures to category paths: one, many, a folder, a table, a data set."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, BundleError, NothingDoneError
from atlas.progress import Progress, Silent
from atlas.stages.categorizer import ALTERNATIVES, BATCH_SIZE, Answer, Categorizer, load
from atlas.stages.explain import ExplainingSink
from atlas.stages.inputs import dataset_source
from atlas.stages.outputs import Head, Sink, check_output, open_sink
from atlas.stages.rows import Chunk, Input
from atlas.stages.store_words import StoreWords, store_words
from atlas.taxonomy.files import format_taxonomy

if TYPE_CHECKING:
    from atlas.records import Picture
    from atlas.runtime import Engine


__all__ = [
    "Categorizer",
    "Outcome",
    "find_model",
    "head_of",
    "load",
    "predict_dataset",
    "predict_source",
    "predict_to_file",
    "store_words",
]


@dataclass(frozen=True)
class Outcome:
    """How predicting went: rows in all, rows that failed, and why, for the first few of them."""

    rows: int
    failed: int
    first_errors: tuple[str, ...] = ()


def predict_source(
    categorizer: Categorizer,
    source: Input,
    sink: Sink,
    progress: Progress | None = None,
    batch_size: int = BATCH_SIZE,
    alternatives: int = ALTERNATIVES,
    evidence: bool = False,
    explain: FilePath | None = None,
) -> Outcome:
    """Predict every row of a source into a sink, in order and in bounded memory.

    `evidence` asks for what decided each level; with `explain`, a folder, each answer is drawn there too. Raises
    NothingDoneError when no row succeeded, which keeps a file from appearing.
    """
    progress = progress or Silent()
    if explain is not None:
        sink = ExplainingSink(sink, explain, categorizer.bundle.image)
    progress.begin("predict", source.rows)
    rows = failed = 0
    errors: list[str] = []
    for chunk, answers in _answered(categorizer, source, batch_size, alternatives, evidence or explain is not None):
        sink.write(chunk, answers)
        bad = [
            f"{product_id}: {answer.prediction.error}"
            for product_id, answer in zip(chunk.product_ids, answers, strict=True)
            if answer.prediction.error
        ]
        errors += bad[: 3 - len(errors)]
        rows, failed = rows + len(answers), failed + len(bad)
        progress.advance(len(answers), f"{failed:,} failed" if failed else "")
    if failed == rows:
        why = f"none of {rows:,} rows could be predicted; {errors[0]}" if rows else "no picture was found in the input"
        raise NothingDoneError(f"{why}; nothing was written")
    return Outcome(rows, failed, tuple(errors))


def predict_to_file(
    categorizer: Categorizer,
    source: Input,
    output_file: FilePath,
    *,
    split: str = "",
    overwrite: bool = False,
    progress: Progress | None = None,
    batch_size: int = BATCH_SIZE,
    alternatives: int = ALTERNATIVES,
    evidence: bool = False,
    explain: FilePath | None = None,
    also: StoreWords | None = None,
) -> Outcome:
    """Write a predictions file (CSV, JSON lines or Parquet by its ending); it appears when it is whole.

    With `also`, each path comes in stores' own words too. Evidence has a column in Parquet alone. Raises UsageError
    before any work when it cannot be written, and NothingDoneError when no row succeeded.
    """
    check_output(output_file, overwrite)
    with open_sink(output_file, source.schema, head_of(categorizer, split, also)) as sink:
        return predict_source(categorizer, source, sink, progress, batch_size, alternatives, evidence, explain)


def predict_dataset(
    model_folder: FilePath,
    dataset_folder: FilePath,
    split: str,
    output_file: FilePath,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    engine: Engine = "auto",
    batch_size: int = BATCH_SIZE,
) -> Outcome:
    """Write the predictions of one split of a data set, with its truths where the file is Parquet."""
    check_output(output_file, overwrite)
    source = dataset_source(dataset_folder, split)
    return predict_to_file(
        load(model_folder, engine), source, output_file,
        split=split, overwrite=overwrite, progress=progress, batch_size=batch_size,
    )  # fmt: skip


def find_model(given: FilePath | None = None) -> FilePath:
    """The model folder to use: the given one, else `$ATLAS_MODEL`, else `./model` or the only model inside it.

    Raises BundleError that says where it looked.
    """
    if given is not None:
        return given
    if os.environ.get("ATLAS_MODEL"):
        return FilePath(os.environ["ATLAS_MODEL"])
    here = FilePath("model")
    found = [file.parent for file in (here / "config.json", *sorted(here.glob("*/config.json"))) if file.is_file()]
    if found and (len(found) == 1 or found[0] == here):
        return found[0]
    seen = f"./model holds {len(found)} of them" if found else "$ATLAS_MODEL is not set and ./model holds none"
    raise BundleError(f"which model? {seen}: name its folder with -m, or train one with `atlas train`")


def head_of(categorizer: Categorizer, split: str = "", also: StoreWords | None = None) -> Head:
    """What a predictions file says once for all its rows."""
    taxonomy = categorizer.taxonomy
    return Head(categorizer.bundle.model_id, taxonomy.digest, format_taxonomy(taxonomy), split, also)


def _answered(
    categorizer: Categorizer, source: Input, batch_size: int, alternatives: int, evidence: bool
) -> Iterator[tuple[Chunk, list[Answer]]]:
    """Each chunk with its answers; decoding does not stop where one chunk ends and the next one begins."""
    waiting: deque[Chunk] = deque()

    def pictures() -> Iterator[Picture | AtlasError]:
        for chunk in source.chunks():
            if chunk.product_ids:
                waiting.append(chunk)
                yield from chunk.pictures

    answers: list[Answer] = []
    for answer in categorizer.answers(pictures(), batch_size, alternatives, evidence):
        answers.append(answer)
        if len(answers) == len(waiting[0].product_ids):
            yield waiting.popleft(), answers
            answers = []

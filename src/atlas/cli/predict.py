"""`atlas predict`: pictures, tables or a data set's split to category paths."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import Json, MaybeOutput, Overwrite, Quiet

if TYPE_CHECKING:
    from atlas.stages.categorizer import Answer
    from atlas.stages.rows import Chunk
    from atlas.stages.store_words import StoreWords


def predict(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Pictures, folders, quoted patterns, tables (CSV, JSONL, Parquet), a data set; -: list on stdin.",
        ),
    ],
    model: Annotated[
        FilePath | None, typer.Option("--model", "-m", help="A model folder. Default: $ATLAS_MODEL, else ./model.")
    ] = None,
    output: MaybeOutput = None,
    image_column: Annotated[str | None, typer.Option(help="The tables' column with files or pictures.")] = None,
    id_column: Annotated[str | None, typer.Option(help="The tables' column with the products' ids.")] = None,
    split: Annotated[str | None, typer.Option(help="Predict this part of a data set, with its truths.")] = None,
    alternatives: Annotated[int, typer.Option(min=0, max=100, help="Other answers to give for each picture.")] = 3,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that the model scores at once.")] = 32,
    engine: Annotated[str, typer.Option(help="auto, torch or onnx.")] = "auto",
    bf16: Annotated[
        bool, typer.Option("--bf16", help="Calculate in bf16: faster where the machine has it, a little less exact.")
    ] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Write which part decided each level into a .parquet file.")
    ] = False,
    explain: Annotated[
        FilePath | None, typer.Option(metavar="DIR", help="Draw for each picture which part decided each level.")
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="STORE", help="Say each path in this store's words too. Repeatable."),
    ] = None,
    mapping: Annotated[
        FilePath | None,
        typer.Option("--mapping", metavar="FILE", help="For --also, in place of the model's own mapping."),
    ] = None,
    use_suggested: Annotated[
        bool, typer.Option("--use-suggested", help="For --also, use suggested rows as if they were confirmed.")
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give every picture its category path.

    With -o the ending says the form: .csv, .jsonl, or .parquet, which `atlas evaluate` reads. Without, a table is
    printed, or JSON lines with --json. A picture that cannot be read becomes a row with its error.
    """
    from atlas.cli.screen import print_error, screen_progress
    from atlas.stages.explain import claim_drawings
    from atlas.stages.inputs import find_inputs
    from atlas.stages.outputs import JsonLinesSink, check_output
    from atlas.stages.predict import find_model, head_of, load, predict_source, predict_to_file, store_words
    from atlas.stages.rows import NamedColumns

    folder = find_model(model)
    if output is not None:
        check_output(output, overwrite)
    if evidence:
        _check_evidence(output)
    if not also and (mapping or use_suggested):
        _want_stores()
    source = find_inputs(inputs, NamedColumns(image_column, id_column), split, _stdin_lines())
    if explain is not None:
        claim_drawings(explain, overwrite=overwrite)
    categorizer = load(folder, engine, bf16=bf16)  # type: ignore[arg-type]  # it says itself which engines there are
    words = store_words(categorizer.bundle, also, mapping, use_suggested=use_suggested) if also else None
    wishes: dict[str, Any] = {
        "batch_size": batch_size, "alternatives": alternatives, "evidence": evidence, "explain": explain,
    }  # fmt: skip
    shown = _Table(words)
    with screen_progress(quiet, json) as progress:
        if output is not None:
            told: dict[str, Any] = {"split": split or "", "overwrite": overwrite, "progress": progress, "also": words}
            outcome = predict_to_file(categorizer, source, output, **told, **wishes)
        else:
            sink = JsonLinesSink(sys.stdout, source.schema, head_of(categorizer, "", words)) if json else shown
            outcome = predict_source(categorizer, source, sink, progress, **wishes)
    shown.print_all()
    if output is not None:
        _report(output, outcome.rows, outcome.failed, json)
    if outcome.failed:
        print_error(f"{outcome.failed:,} of {outcome.rows:,} rows failed; the first: {outcome.first_errors[0]}")
        raise typer.Exit(1)


def _check_evidence(output: FilePath | None) -> None:
    from atlas.errors import UsageError

    if output is None or output.suffix.lower() != ".parquet":
        seen = f"not into {output}" if output else "and no -o was given"
        raise UsageError(f"--evidence goes into a Parquet file, {seen}: use -o FILE.parquet, or --explain DIR")


def _want_stores() -> None:
    from atlas.errors import UsageError

    raise UsageError("--mapping and --use-suggested say how --also STORE reads: name the stores with --also")


class _Table:
    """The rows of a table for people, printed when all are there."""

    def __init__(self, words: StoreWords | None) -> None:
        self._words = words
        self._rows: list[Sequence[Any]] = []

    def write(self, chunk: Chunk, answers: Sequence[Answer]) -> None:
        """See stages.outputs.Sink."""
        from atlas.taxonomy.tree import format_path

        for product_id, (said, _) in zip(chunk.product_ids, answers, strict=True):
            levels = " ".join(f"{probability:.2f}" for probability in said.level_probabilities)
            others = "; ".join(f"{_apart(path, said.path)} ({mass:.2f})" for path, mass in said.alternatives)
            path = f"error: {said.error}" if said.error else format_path(said.path)
            stores = self._words.say(said.path) if self._words and not said.error else ()
            row = (product_id, path, "" if said.error else f"{said.probability:.2f}", levels, others, *stores)
            self._rows.append((*row, *[""] * (len(self._names) - len(row))))

    def print_all(self) -> None:
        """Print the rows, if there are any."""
        from atlas.cli.screen import table

        if self._rows:
            table(self._names, self._rows)

    @property
    def _names(self) -> tuple[str, ...]:
        stores = self._words.columns if self._words else ()
        return ("product", "path", "probability", "by level", "alternatives", *stores)


def _apart(path: tuple[str, ...], best: tuple[str, ...]) -> str:
    """The path from where it leaves the best one, so that three of them fit into a line."""
    from atlas.taxonomy.tree import format_path

    shared = next((at for at, (name, other) in enumerate(zip(path, best, strict=False)) if name != other), 0)
    return format_path(("…", *path[shared:]) if shared else path)


def _stdin_lines() -> Iterator[str]:
    """Lines of stdin, read when somebody asks for them; file names may hold bytes that are not UTF-8."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "surrogateescape")


def _report(output: FilePath, rows: int, failed: int, json: bool) -> None:
    from atlas.cli.screen import print_json, print_line

    if json:
        print_json({"output": str(output), "rows": rows, "failed": failed})
    else:
        print_line(f"{output}: {rows:,} rows" + (f", {failed:,} failed" if failed else ""))

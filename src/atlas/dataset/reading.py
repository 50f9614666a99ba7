"""The first walk over a source: every row read once, pictures decoded side by side, results in order."""

from __future__ import annotations

import os
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeAlias

from atlas.dataset.parts import PART_BYTES, PART_ROWS, Parts, State
from atlas.dataset.rows import RowReader
from atlas.dataset.sources import RawRow, Source
from atlas.progress import Progress

#: Rows that one thread takes at a time.
HANDFUL_ROWS = 16
#: More threads than this wait for the one that reads.
MAX_THREADS = 8

#: The rows that a row of the source becomes, or the wish of the user's for which it is left out.
Outcome: TypeAlias = "list[dict[str, Any]] | str"
#: Who looks at rows with their pictures, always the same ones together, and gives them back marked or rejected.
Judge: TypeAlias = "Callable[[list[dict[str, Any]]], list[dict[str, Any]]]"


def read_source(
    source: Source, readers: Sequence[RowReader], parts: Parts, progress: Progress, judge: Judge = list
) -> None:
    """Read what `parts` lacks of the source and add it, part by part. `readers` holds one reader for each file.

    `judge` sees the rows of a part before they are kept, the same ones together however often reading was stopped.

    At most a part and a few handfuls of rows are in memory. Raises DataError when a file as a whole cannot be read.
    """
    columns = sorted({name for reader in readers for name in reader.needed()})
    progress.begin("reading", source.row_count())
    done = sum(batch.num_rows for batch in parts.batches) + sum(parts.state.left_out.values())
    progress.advance(done, "taken up again" if done else "")
    raws = source.rows(columns, (parts.state.file, parts.state.row))
    rows: list[dict[str, Any]] = []
    left_out = Counter(parts.state.left_out)
    state, weight, failed = parts.state, 0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads share the filters: odd tags in a picture are nobody's business
        for handful in _outcomes(raws, readers):
            for raw, outcome in handful:
                if isinstance(outcome, str):
                    left_out[outcome] += 1
                else:
                    rows.extend(outcome)
                    weight += sum(row["weight"] + len(row.get("data", b"")) for row in outcome)
                    failed += sum("reason" in row for row in outcome)
                state = State(raw.file, raw.number + 1, dict(left_out))
                if len(rows) >= PART_ROWS or weight >= PART_BYTES:
                    parts.add(judge(rows), state)
                    rows, weight = [], 0
            progress.advance(len(handful), f"{failed:,} rejected" if failed else "")
    if rows or state != parts.state:
        parts.add(judge(rows), state)


def _outcomes(raws: Iterator[RawRow], readers: Sequence[RowReader]) -> Iterator[list[tuple[RawRow, Outcome]]]:
    """Rows with what became of them, in order, read by a few threads (decoding lets others run)."""
    threads = min(MAX_THREADS, os.cpu_count() or 1)
    waiting: deque[Future[list[tuple[RawRow, Outcome]]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        while handful := list(islice(raws, HANDFUL_ROWS)):
            waiting.append(pool.submit(_read_handful, handful, readers))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read_handful(handful: Sequence[RawRow], readers: Sequence[RowReader]) -> list[tuple[RawRow, Outcome]]:
    outcomes: list[tuple[RawRow, Outcome]] = []
    for raw in handful:
        reader = readers[raw.file]
        outcome = reader.left_out(raw) or reader.read_all(raw)
        outcomes.append((raw._replace(cells={}), outcome))
    return outcomes

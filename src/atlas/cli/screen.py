"""What people see: progress on stderr, results on stdout, tables that also read well in a pipe."""

from __future__ import annotations

import json as json_format
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from atlas.progress import Progress, Silent

if TYPE_CHECKING:
    import rich.progress

#: Without a terminal, at most one line of progress in this time.
PLAIN_INTERVAL_S = 10.0


@contextmanager
def screen_progress(quiet: bool = False, json: bool = False) -> Iterator[Progress]:
    """A listener for one stage: bars on a terminal, plain lines in a log, nothing with `quiet` or `json`."""
    if quiet or json:
        yield Silent()
    elif sys.stderr.isatty():
        with _Bars() as bars:
            yield bars
    else:
        lines = PlainLines()
        yield lines
        lines.close()


def print_json(value: Any) -> None:
    """Print one JSON value on stdout; numbers that JSON lacks (NaN, infinity) become null."""
    print(json_format.dumps(_finite(value), indent=2, ensure_ascii=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print rows on stdout: ruled on a terminal, separated by tabs in a pipe. Columns of numbers stand to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        print("\n".join("\t".join(row) for row in [list(columns), *cells]))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    ruled = Table(title=title or None, title_justify="left", header_style="bold")
    for place, name in enumerate(columns):
        numbers = all(_is_number(row[place]) for row in cells)
        ruled.add_column(Text(name), justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        ruled.add_row(*map(Text, row))
    Console().print(ruled)


def print_line(line: str = "") -> None:
    """Print one line of a result on stdout."""
    print(line)


def print_error(message: str) -> None:
    """Print one line on stderr, red on a terminal."""
    line = f"error: {message}"
    print(f"\x1b[31m{line}\x1b[0m" if sys.stderr.isatty() else line, file=sys.stderr)


class PlainLines:
    """Progress for logs: a line when a task begins and ends, and every few seconds between."""

    def __init__(self, interval_s: float = PLAIN_INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._task = ""

    def begin(self, task: str, total: int | None = None) -> None:
        """Print the end of the last task and the name of this one."""
        self.close()
        self._task, self._total, self._done, self._status = task, total, 0, ""
        self._started = self._printed = time.monotonic()
        self.say(f"{task} ..." if total is None else f"{task}: {total:,} to do")

    def advance(self, count: int = 1, status: str = "") -> None:
        """Count, and print a line when the last one is long ago."""
        self._done += count
        self._status = status or self._status
        now = time.monotonic()
        if now - self._printed >= self._interval_s:
            self._printed = now
            self.say(self._line(now - self._started))

    def say(self, line: str) -> None:
        """Print the line."""
        print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Print how the last task ended."""
        if self._task and self._done:
            self.say(self._line(time.monotonic() - self._started))
        self._task = ""

    def _line(self, elapsed_s: float) -> str:
        rate = self._done / max(elapsed_s, 1e-9)
        of_total = f" of {self._total:,}" if self._total is not None else ""
        left = "" if self._total is None else f", {_duration((self._total - self._done) / rate if rate else 0)} left"
        if self._total is not None and self._done >= self._total:
            left = f", took {_duration(elapsed_s)}"
        status = f", {self._status}" if self._status else ""
        return f"{self._task}: {self._done:,}{of_total}, {_rate(rate)}{left}{status}"


class _Bars:
    """Progress on a terminal: one bar a task, with rate and time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[counted]}", markup=False),
            TextColumn("{task.fields[rate]}", markup=False, style="cyan"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[status]}", markup=False, style="dim", table_column=Column(no_wrap=False)),
            console=Console(stderr=True),
        )
        self._task: rich.progress.TaskID | None = None

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def begin(self, task: str, total: int | None = None) -> None:
        if self._task is not None:
            self._bars.stop_task(self._task)
        self._task = self._bars.add_task(task, total=total, counted="", rate="", status="")

    def advance(self, count: int = 1, status: str = "") -> None:
        if self._task is None:
            return
        task = self._bars.tasks[self._task]
        done = int(task.completed + count)
        speed = task.speed or task.finished_speed
        self._bars.update(
            self._task,
            advance=count,
            counted=f"{done:,}" if task.total is None else f"{done:,}/{int(task.total):,}",
            rate=_rate(speed) if speed else task.fields["rate"],
            status=status or task.fields["status"],
        )

    def say(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False)


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}/s" if per_second >= 100 else f"{per_second:.1f}/s"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.split()) if "\n" in text or "\t" in text else text


def _is_number(text: str) -> bool:
    return not text or (text[-1] in "0123456789%" and text[0] in "+-.0123456789")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value

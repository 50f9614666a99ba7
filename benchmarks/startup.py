"""Start-up of `atlas --help` against an empty typer + rich program, in turn, as whole processes.

python benchmarks/startup.py [--runs 15]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

EMPTY = """
import typer, rich.console
app = typer.Typer()
@app.command()
def main(name: str = "x") -> None:
    "Nothing."
app()
"""
COMMANDS = {"empty": [sys.executable, "-c", EMPTY, "--help"], "atlas": [sys.executable, "-m", "atlas", "--help"]}


def core_ms(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for run in range(runs + 1):
        for name, command in COMMANDS.items():
            spent = core_ms(command)
            if run:  # the first one fills the caches
                times[name].append(spent)
    for name, spent in times.items():
        print(f"{name:6} {statistics.median(spent):6.0f} core-ms (median of {runs}, {min(spent):.0f}-{max(spent):.0f})")
    ratios = [ours / empty for ours, empty in zip(times["atlas"], times["empty"], strict=True)]
    print(f"ratio  {statistics.median(ratios):6.2f} (median of the pairs; the limit is 1.5)")


if __name__ == "__main__":
    main()

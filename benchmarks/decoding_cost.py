"""Core-milliseconds and memory a picture of scoring paths, against the tree's inner nodes, exactly and with `keep`.

    python benchmarks/decoding_cost.py [-o benchmarks/decoding_cost.csv] [--leaves 52 1000 50000] [--keep 32] [--draw]

The smallest tree is the paper's, the others are made up (ten children a node at most). Features are random grids of 5x5
cells with 512 channels, so an encoder has no part in the decoders' figures; three encoders are measured beside them.
Each row is a process of its own, for its peak memory, with one thread and batches as `atlas predict` makes them; the
least of its timings counts. Rows that the table has already are not measured again. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LEAVES = (52, 150, 500, 1_000, 2_500, 5_000, 20_000, 50_000)
ENCODERS = {
    "ResNet-18/32, 80x60 px": ("resnet18", 32, 80, 60),
    "ResNet-34, 150 px": ("resnet34", 64, 150, 150),
    "ResNet-101, 256 px": ("resnet101", 64, 256, 256),
}
BATCH, TIMINGS, LONG_ENOUGH_S = 32, 5, 12.0
COLUMNS = ("part", "leaves", "inner_nodes", "keep", "core_ms", "memory_mb")
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--leaves", type=int, nargs="+", default=LEAVES)
    parser.add_argument("--keep", type=int, default=32)
    parser.add_argument("--draw", action="store_true", help="draw the table's figure, an SVG file beside it")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one[0], int(asked.one[1]), int(asked.one[2]))))
        return
    rows = read(asked.output)
    known = {(row["part"], row["leaves"], row["keep"]) for row in rows}
    wanted = [(name, 0, 0) for name in ENCODERS]
    wanted += [(part, n, keep) for part in ("lstm", "transformer") for n in asked.leaves for keep in (0, asked.keep)]
    for part, leaves, keep in wanted:
        if (part, leaves, keep) not in known:
            command = [sys.executable, __file__, "--one", part, str(leaves), str(keep)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            rows.append(json.loads(done.stdout))
            print(rows[-1], flush=True)
            write(asked.output, rows)
    if asked.draw:
        asked.output.with_suffix(".svg").write_text(drawing(rows), encoding="utf-8")


def read(table: Path) -> list[Row]:
    if not table.exists():
        return []
    with table.open(newline="") as stream:
        return [{name: _number(text) for name, text in row.items()} for row in csv.DictReader(stream)]


def _number(text: str) -> str | float:
    return float(text) if "." in text else int(text) if text.isdecimal() else text


def write(table: Path, rows: list[Row]) -> None:
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


# -- measuring ---------------------------------------------------------------------------------------------------------


def measure(part: str, leaves: int, keep: int) -> Row:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    work, inner_nodes = encoding(part) if part in ENCODERS else decoding(part, leaves, keep)
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far, of imports, counts no more
    before_mb, times = memory_mb("VmRSS"), []
    with torch.inference_mode():
        while len(times) < TIMINGS and sum(times) < LONG_ENOUGH_S:
            started = time.process_time()
            work()
            times.append(time.process_time() - started)
    taken_mb = memory_mb("VmHWM") - before_mb
    values = (part, leaves, inner_nodes, keep, round(min(times) / BATCH * 1000, 3), round(taken_mb / BATCH, 3))
    return dict(zip(COLUMNS, values, strict=True))


def encoding(name: str) -> tuple[Callable[[], object], int]:
    import torch

    from atlas.model.config import EncoderConfig
    from atlas.model.encoders import build_encoder

    network, width, height_px, width_px = ENCODERS[name]
    encoder = build_encoder(EncoderConfig(network, "none", width)).eval().to(memory_format=torch.channels_last)
    pixels = torch.randint(0, 256, (BATCH, height_px, width_px, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    return lambda: encoder(pixels), 0


def decoding(kind: str, leaves: int, keep: int) -> tuple[Callable[[], object], int]:
    import torch

    from atlas.model.attention import LstmDecoder
    from atlas.model.config import DecoderConfig
    from atlas.model.decoding import expand
    from atlas.model.plan import TreePlan
    from atlas.model.transformer import TransformerDecoder
    from atlas.taxonomy.files import load_taxonomy

    tree = load_taxonomy("atlas52") if leaves == 52 else made_up_tree(leaves)
    words = len(tree.vocabulary)
    if kind == "lstm":
        decoder = LstmDecoder(DecoderConfig("lstm"), 512, words).eval()
    else:
        decoder = TransformerDecoder(DecoderConfig("transformer", size=128, layers=1), 512, words).eval()
    plan, features = TreePlan(tree.arrays), torch.randn(BATCH, 512, 5, 5)

    def work() -> None:
        mass = expand(decoder, features, plan, keep or None).exp().sum(dim=1)
        assert torch.allclose(mass, torch.ones(BATCH), atol=1e-3)

    return work, plan.inner_nodes


def made_up_tree(leaves: int) -> Any:
    """A tree with this many leaves: every level is cut into parts of ten, names shared between branches."""
    from atlas.taxonomy.tree import Taxonomy

    width = len(str(leaves - 1))
    digits = (f"{number:0{width}d}" for number in range(leaves))
    return Taxonomy([tuple(f"{level}-{digit}" for level, digit in enumerate(text)) for text in digits])


def memory_mb(field: str) -> float:
    return int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]


# -- the figure --------------------------------------------------------------------------------------------------------


NAMES = {
    ("lstm", False): "LSTM, exact",
    ("lstm", True): "LSTM, search",
    ("transformer", False): "Transformer, exact",
    ("transformer", True): "Transformer, search",
}
SIZE = {"width": 350, "height": 300}


def drawing(rows: list[Row]) -> str:
    """The table as SVG text: core-ms and memory against inner nodes, all axes logarithmic."""
    import altair as alt

    from atlas.evaluate.plots import styled, svg

    cost = alt.layer(
        *encoder_rules([row for row in rows if row["part"] in ENCODERS]),
        threshold_rule(),
        *lines(rows, "core_ms", "core-ms a picture", [0.2, 500], [0.3, 1, 3, 10, 30, 100, 300]),
    )
    memory = alt.layer(*lines(rows, "memory_mb", "MB a picture, beside the weights", [0.4, 40], [0.5, 1, 2, 5, 10, 20]))
    return svg(styled(alt.hconcat(cost.properties(**SIZE), memory.properties(**SIZE), spacing=36)))


def lines(rows: list[Row], field: str, title: str, domain: list[float], ticks: list[float]) -> list[Any]:
    """A line with its points for each decoder and way of scoring."""
    import altair as alt

    from atlas.evaluate.plots import COLOURS

    points = [row | {"way": NAMES[row["part"], row["keep"] > 0]} for row in rows if row["part"] not in ENCODERS]
    names, colours = list(NAMES.values()), [COLOURS["accent"]] * 2 + [COLOURS["second"]] * 2
    legend = alt.Legend(
        title=None, orient="top", symbolType="stroke", symbolSize=500, symbolStrokeWidth=2.2, columnPadding=22
    )
    base = alt.Chart(alt.InlineData(values=points)).encode(
        alt.X(
            "inner_nodes:Q",
            title="inner nodes of the tree",
            scale=alt.Scale(type="log", domain=[6, 8000], nice=False),
            axis=alt.Axis(values=[10, 30, 100, 300, 1000, 3000], format=",d"),
        ),
        alt.Y(
            f"{field}:Q",
            title=title,
            scale=alt.Scale(type="log", domain=domain, nice=False),
            axis=alt.Axis(values=ticks, format="~g"),
        ),
        alt.Color("way:N", scale=alt.Scale(domain=names, range=colours), legend=legend),
    )
    dash = alt.StrokeDash("way:N", scale=alt.Scale(domain=names, range=[[1, 0], [5, 4]] * 2), legend=legend)
    return [base.mark_line(strokeWidth=2.2).encode(dash), base.mark_point(filled=True, size=36, opacity=1)]


def encoder_rules(rows: list[Row]) -> list[Any]:
    """What encoders cost beside which a decoder stands."""
    import altair as alt

    from atlas.evaluate.plots import COLOURS

    base = alt.Chart(alt.InlineData(values=rows)).encode(alt.Y("core_ms:Q"))
    named = [  # the cheap one's name at the other end, where no line runs
        alt.Chart(alt.InlineData(values=[row | {"at": at} for row in rows if (row["core_ms"] < 5) == cheap]))
        .mark_text(align=align, dx=dx, dy=dy, color=COLOURS["muted"], fontSize=10)
        .encode(alt.X("at:Q"), alt.Y("core_ms:Q"), alt.Text("part:N"))
        for cheap, at, align, dx, dy in ((False, 6, "left", 5, -7), (True, 8000, "right", 0, 8))
    ]
    return [base.mark_rule(color=COLOURS["muted"], strokeDash=[2, 3]), *named]


def threshold_rule() -> Any:
    """Where Atlas goes over to the search by itself."""
    import altair as alt

    from atlas.evaluate.plots import COLOURS
    from atlas.model.decoding import EXACT_INNER_NODES

    data = alt.InlineData(values=[{"at": EXACT_INNER_NODES, "low": 0.2, "name": "search from here on"}])
    base = alt.Chart(data).encode(alt.X("at:Q"))
    named = base.mark_text(align="left", dx=5, dy=-8, color=COLOURS["ink"], fontSize=11)
    return alt.layer(base.mark_rule(color=COLOURS["ink"]), named.encode(alt.Y("low:Q"), alt.Text("name:N")))


if __name__ == "__main__":
    main()

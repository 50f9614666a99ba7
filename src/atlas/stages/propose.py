"""New category paths: what a path decoder writes and the tree lacks, for a person to judge (section 6, table 2)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import NamedTuple

import numpy as np

from atlas.bundle import open_bundle
from atlas.errors import UsageError
from atlas.progress import Progress, Silent
from atlas.records import Path
from atlas.runtime import Scorer, Written, open_scorer
from atlas.stages.categorizer import decoded_ahead
from atlas.stages.inputs import dataset_source
from atlas.stages.outputs import safe_cell
from atlas.stages.rows import Chunk
from atlas.storage import write_text
from atlas.taxonomy.tree import SPECIAL_TOKENS, Taxonomy, format_path

#: Width of the search, chosen by the paper's authors (section 5.1.4).
BEAMS = 5
#: Products shown for each path.
EXAMPLES = 5
COLUMNS = ("path", "count", "probability", "examples", "verdict", "by")


class Sentence(NamedTuple):
    """What was written for one picture."""

    product_id: str
    truth: str | None
    path: Path  # empty when it never came to its end
    probability: float  # of the whole sequence
    novelty: float  # the mass on children that the tree lacks


@dataclass
class Proposal:
    """A path that the tree lacks, with the products for which it was the best one written."""

    path: Path
    probabilities: list[float] = field(default_factory=list)
    products: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Pictures for which the decoder wrote it."""
        return len(self.probabilities)

    @property
    def probability(self) -> float:
        """The mean probability of the sequence, over those pictures."""
        return float(np.mean(self.probabilities))

    @property
    def examples(self) -> list[str]:
        """The products that speak most for it."""
        order = np.argsort(-np.array(self.probabilities), kind="stable")
        return list(dict.fromkeys(self.products[place] for place in order))[:EXAMPLES]


@dataclass(frozen=True)
class ProposeSummary:
    """What was found: pictures read, those with a path outside the tree, and the paths, most frequent first."""

    pictures: int
    outside: int
    novelty: float  # mean mass on children that the tree lacks
    proposals: tuple[Proposal, ...]


def propose_paths(
    model: FilePath,
    dataset: FilePath,
    split: str,
    output: FilePath,
    *,
    beams: int = BEAMS,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ProposeSummary:
    """Let a model write paths freely for one split and list those that the tree lacks as CSV, for a person to judge.

    Raises UsageError for a flat model, which can only give answers of its tree, and for an output that exists.
    """
    if output.is_dir():
        raise UsageError(f"{output} is a folder, and a file is to be written: name one with -o")
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists already: use --overwrite to replace it, or another -o")
    progress = progress or Silent()
    scorer = open_scorer(open_bundle(model), "torch")
    source = dataset_source(dataset, split)
    progress.begin("write paths", source.rows)
    tree, found, novelty, pictures = scorer.bundle.taxonomy, dict[Path, Proposal](), 0.0, 0
    for sentences in write_paths(scorer, source.chunks(), beams):
        for said in sentences:
            if said.path and said.path not in tree:
                proposal = found.setdefault(said.path, Proposal(said.path))
                proposal.probabilities.append(said.probability)
                proposal.products.append(said.product_id)
            novelty += said.novelty
        pictures += len(sentences)
        progress.advance(len(sentences), f"{len(found):,} new paths")
    proposals = tuple(sorted(found.values(), key=lambda proposal: (-proposal.count, proposal.path)))
    write_text(output, _table(proposals))
    outside = sum(proposal.count for proposal in proposals)
    return ProposeSummary(pictures, outside, novelty / max(pictures, 1), proposals)


def sentence(tokens: list[int], tree: Taxonomy) -> Path:
    """The names of a written sequence; empty when it never came to its end."""
    end = SPECIAL_TOKENS.index("<end>")
    if end not in tokens:
        return ()
    return tuple(tree.vocabulary[token] for token in tokens[: tokens.index(end)])


def write_paths(scorer: Scorer, chunks: Iterator[Chunk], beams: int = BEAMS) -> Iterator[list[Sentence]]:
    """What a path decoder writes freely, chunk by chunk; pictures that cannot be read are passed over.

    Raises UsageError for a flat model.
    """
    for chunk in chunks:
        decoded = list(decoded_ahead(chunk.pictures, scorer.bundle.image, len(chunk.pictures)))
        good = [place for place, pixels in enumerate(decoded) if not isinstance(pixels, str)]
        if not good:
            continue
        stacked = np.stack([np.asarray(decoded[place]) for place in good]).transpose(0, 3, 1, 2)
        written = scorer.write(np.ascontiguousarray(stacked), beams)
        if written is None:
            raise UsageError(
                f"{scorer.bundle.folder} is a flat model, which knows the answers of its tree only: "
                "propose with a path decoder (atlas train -r fast-path)"
            )
        yield [_said(chunk, place, written, row, scorer.bundle.taxonomy) for row, place in enumerate(good)]


def _said(chunk: Chunk, place: int, written: Written, row: int, tree: Taxonomy) -> Sentence:
    path, truth = sentence(written.tokens[row].tolist(), tree), chunk.truths[place] if chunk.truths else None
    return Sentence(chunk.product_ids[place], truth, path, float(written.probability[row]), float(written.novelty[row]))


def _table(proposals: tuple[Proposal, ...]) -> str:
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(COLUMNS)
    for proposal in proposals:
        examples = safe_cell("; ".join(proposal.examples))
        path = safe_cell(format_path(proposal.path))
        rows.writerow([path, proposal.count, f"{proposal.probability:.4f}", examples, "", ""])
    return stream.getvalue()

"""Paths decoded the old way: one picture at a time, by a Python loop over beams, with nothing kept between steps.

The method is that of the paper's published code (beam search held to the tree, section 4.2.1), written anew over the
weights of an Atlas model, to be measured and compared with. It pools the features to the paper's grid first, copies
them for each beam, projects every cell's key again at every step, and takes a last step to write the end. Two things
are kinder than there: a beam's next names come from a trie instead of a search through all paths, and pictures are read
as Atlas reads them.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from atlas.images import ImageConfig, read_pixels
from atlas.model.attention import LstmDecoder
from atlas.model.path import PathModel
from atlas.model.plan import END, START
from atlas.records import Path
from atlas.taxonomy.tree import Taxonomy

#: The paper's width (section 5.1.4).
BEAMS = 5
#: From a token to what may follow it.
Trie = dict[int, "Trie"]


class Written(NamedTuple):
    """The best path that the search ended, and the log of its probability."""

    path: Path
    log_probability: float


class Beam(NamedTuple):
    """A sequence that goes on: its tokens, its score, and where it stands in the trie."""

    tokens: tuple[int, ...]
    score: float
    next: Trie


class OldWay:
    """The old way through a path model with an LSTM decoder."""

    def __init__(
        self, model: PathModel, taxonomy: Taxonomy, image: ImageConfig, beams: int = BEAMS, *, held: bool = True
    ) -> None:
        """`held` shares a beam's probability among the names that may follow, as Atlas does; else among all names."""
        assert isinstance(model.decoder, LstmDecoder)
        self.model, self.encoder, self.decoder = model, model.encoder, model.decoder
        self.taxonomy, self.image, self.beams, self.held = taxonomy, image, beams, held
        self.trie = build_trie(taxonomy)

    def predict(self, file: str | os.PathLike[str]) -> Written:
        """The path of the picture in a file."""
        pixels = read_pixels(file, self.image).transpose(2, 0, 1)  # (3, H, W)
        return self.decode(self.encode(torch.from_numpy(np.ascontiguousarray(pixels))[None]))

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> Tensor:
        """Features (1, C, h, w) of one picture (1, 3, H, W)."""
        features: Tensor = self.encoder(pixels)
        return features

    @torch.inference_mode()
    def decode(self, features: Tensor) -> Written:
        """The best path of one picture by its features (1, C, h, w)."""
        side = self.decoder.grid or features.shape[2:]
        cells = F.adaptive_avg_pool2d(features, side).flatten(2).transpose(1, 2)  # (1, P, C)
        cells = cells.expand(self.beams, -1, -1)
        hidden, memory = self.decoder.first_hidden(cells.mean(dim=1)), self.decoder.first_cell(cells.mean(dim=1))
        beams, ended = [Beam((START,), 0.0, self.trie)] * self.beams, []
        first = True
        while beams:
            last = torch.tensor([beam.tokens[-1] for beam in beams])
            hidden, memory = self._step(cells, hidden, memory, last)
            logits = self.decoder.vocabulary(hidden)  # (k, V)
            found = [
                (score, row, token)
                for row, beam in enumerate(beams[:1] if first else beams)  # at first all are the same
                for score, token in self._extend(beam, logits[row])
            ]
            found = sorted(found, reverse=True)[: self.beams]
            grown = [(row, Beam((*beams[row].tokens, t), s, beams[row].next[t])) for s, row, t in found]
            ended += [beam for _, beam in grown if beam.tokens[-1] == END]
            going = [(row, beam) for row, beam in grown if beam.tokens[-1] != END]
            rows, beams, first = [row for row, _ in going], [beam for _, beam in going], False
            cells, hidden, memory = cells[rows], hidden[rows], memory[rows]
        best = max(ended, key=lambda beam: beam.score)
        return Written(tuple(self.taxonomy.vocabulary[token] for token in best.tokens[1:-1]), best.score)

    def _step(self, cells: Tensor, hidden: Tensor, memory: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden state and memory (k, H) after one more token (k,) from cells (k, P, C), all in the authors' order."""
        attention = self.decoder.attention
        scores = attention.score(F.relu(attention.of_cell(cells) + attention.of_state(hidden)[:, None])).squeeze(2)
        light = scores.softmax(dim=1)  # (k, P)
        context = torch.sigmoid(self.decoder.gate(hidden)) * (cells * light[..., None]).sum(dim=1)  # (k, C)
        stepped: tuple[Tensor, Tensor] = self.decoder.cell(
            torch.cat([self.decoder.embedding(last), context], dim=1), (hidden, memory)
        )
        return stepped

    def _extend(self, beam: Beam, logits: Tensor) -> list[tuple[float, int]]:
        """Score and token of each way in which a beam may go on, from its logits (V,)."""
        tokens = list(beam.next)
        shares = logits[tokens].log_softmax(dim=0) if self.held else logits.log_softmax(dim=0)[tokens]
        return [(beam.score + share, token) for share, token in zip(shares.tolist(), tokens, strict=True)]


def build_trie(taxonomy: Taxonomy) -> Trie:
    """The tree as nested dictionaries of tokens; the end follows every answer."""

    def below(node: int) -> Trie:
        trie = {int(taxonomy.arrays.token[child]): below(child) for child in taxonomy.children(node)}
        return trie | ({END: {}} if taxonomy.is_answer[node] else {})

    return below(0)

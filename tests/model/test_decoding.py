import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from atlas.model import decoding
from atlas.model.decoding import Decoder, Told, expand, write_freely
from atlas.model.plan import END, PAD, START, TreePlan
from atlas.records import IMPOSSIBLE
from atlas.taxonomy.tree import Taxonomy

from ..taxonomy.trees import taxonomies


class Remembering(Decoder):
    """A made-up decoder whose every step depends on the whole path so far and on the picture."""

    def __init__(self, words: int, width: int = 6, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        self.vocabulary = nn.Linear(width, words)
        with torch.no_grad():
            self.vocabulary.weight.copy_(torch.randn(words, width, generator=random))
            self.vocabulary.bias.copy_(torch.randn(words, generator=random))
        self.embedding = torch.randn(words, width, generator=random)
        self.turn = torch.randn(width, width, generator=random) / width**0.5

    def start(self, features):
        seen = features.mean((2, 3))[:, None]  # (B, 1, width)
        return (torch.zeros_like(seen),), (seen,)

    def look(self, state, seen):
        return (state[0] @ self.turn + seen[0],)

    def take(self, looked, token, seen):
        hidden = torch.tanh(looked[0] + self.embedding[token])
        return Told(hidden, (hidden,), torch.ones(*hidden.shape[:2], 1))


def by_hand(decoder, features, tree):
    """The same masses by a walk over the tree, one picture and one node at a time."""
    arrays, masses = tree.arrays, np.zeros((len(features), len(tree)))
    for row in range(len(features)):
        start, seen = decoder.start(features[row : row + 1])
        waiting = [(0, START, start, 1.0)]
        while waiting:
            node, token, state, mass = waiting.pop()
            told = decoder.advance(state, torch.tensor([[token]]), seen)
            logits = decoder.vocabulary(told.hidden)[0, 0]
            children = tree.children(node)
            tokens = [int(arrays.token[child]) for child in children] + [END] * bool(tree.is_answer[node])
            shares = logits[tokens].softmax(0).tolist()
            for child, share in zip(children, shares, strict=False):
                if tree.children(child):
                    waiting.append((child, int(arrays.token[child]), told.state, mass * share))
                else:
                    masses[row, child] = mass * share
            if tree.is_answer[node]:
                masses[row, node] = mass * shares[-1]
    return masses


def scored(tree, keep=None, rows=3, seed=0):
    decoder = Remembering(len(tree.vocabulary), seed=seed)
    features = torch.randn(rows, 6, 2, 2, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return expand(decoder, features, TreePlan(tree.arrays), keep).exp().numpy(), decoder, features


@given(taxonomies(), st.integers(0, 5))
def test_exact_scoring_is_the_walk_over_the_tree(tree, seed):
    masses, decoder, features = scored(tree, seed=seed)
    with torch.no_grad():
        assert np.allclose(masses, by_hand(decoder, features, tree), atol=1e-5)


@given(taxonomies(), st.integers(1, 4))
def test_rows_sum_to_one_on_ragged_trees_however_much_is_kept(tree, keep):
    for kept in (None, keep):
        masses, *_ = scored(tree, kept)
        assert np.allclose(masses.sum(1), 1, atol=1e-5)


@given(taxonomies())
def test_keeping_all_is_exact(tree):
    assert np.allclose(scored(tree, keep=10_000)[0], scored(tree)[0], atol=1e-6)


@given(taxonomies(), st.integers(1, 3))
def test_the_search_goes_on_from_the_best_nodes_and_leaves_the_rest(tree, keep):
    exact, kept = scored(tree)[0], scored(tree, keep)[0]
    total_exact, total_kept = (_below(masses, tree) for masses in (exact, kept))
    for row in range(len(exact)):
        going = {0}
        for depth in range(1, tree.levels + 1):
            inner = [n for n in range(len(tree)) if tree.depth[n] == depth and tree.children(n)]
            inner = [n for n in inner if int(tree.parent[n]) in going]
            order = sorted(inner, key=lambda node: -total_exact[row, node])
            for node in inner:
                assert total_kept[row, node] == pytest.approx(total_exact[row, node], abs=1e-5)
            for node in order[keep:]:
                assert kept[row, node] == pytest.approx(total_exact[row, node], abs=1e-5)
            going = set(order[:keep])


def _below(masses, tree):
    total = masses.copy()
    for node in range(len(tree) - 1, 0, -1):
        total[:, tree.parent[node]] += total[:, node]
    return total


def test_a_path_known_to_be_best_is_best():
    tree = Taxonomy([("Men", "Jeans"), ("Men", "Shirts"), ("Women", "Jeans"), ("Women", "Skirts")])

    class Sure(Remembering):
        def take(self, looked, token, seen):
            told = super().take(looked, token, seen)
            follows = {"<start>": "Women", "Women": "Jeans", "Men": "Jeans"}
            want = [tree.vocabulary.index(follows[tree.vocabulary[int(t)]]) for t in token.flatten()]
            hidden = torch.zeros_like(told.hidden)
            hidden.view(-1, hidden.shape[-1])[range(len(want)), want] = 9.0
            return told._replace(hidden=hidden)

    decoder = Sure(len(tree.vocabulary), width=len(tree.vocabulary))
    with torch.no_grad():
        decoder.vocabulary.weight.copy_(torch.eye(len(tree.vocabulary)))
        decoder.vocabulary.bias.zero_()
        masses = expand(decoder, torch.zeros(1, len(tree.vocabulary), 1, 1), TreePlan(tree.arrays)).exp()[0]
    share = 1 / (1 + math.exp(-9))
    assert float(masses[tree.node("Women > Jeans")]) == pytest.approx(share**2, rel=1e-5)
    assert float(masses[tree.node("Men > Skirts" if "Men > Skirts" in tree else "Men > Shirts")]) < 1e-6


def test_nothing_lies_where_nothing_can_stop():
    tree = Taxonomy([("A", "B", "C"), ("A", "D"), ("E",)])
    decoder = Remembering(len(tree.vocabulary))
    with torch.no_grad():
        log_mass = expand(decoder, torch.zeros(2, 6, 1, 1), TreePlan(tree.arrays))
    assert (log_mass[:, ~torch.from_numpy(tree.is_answer.copy())] == IMPOSSIBLE).all()


def test_a_batch_scored_in_parts_is_the_same(monkeypatch):
    tree = Taxonomy([(a, b) for a in "ABCD" for b in "EFGH"])
    whole = scored(tree, rows=7)[0]
    monkeypatch.setattr(decoding, "LEVEL_FLOATS", 1)
    assert np.allclose(scored(tree, rows=7)[0], whole, atol=1e-6)
    assert np.allclose(scored(tree, keep=2, rows=7)[0].sum(1), 1, atol=1e-5)


@given(taxonomies(), st.integers(1, 200), st.integers(1, 4))
def test_a_level_taken_in_turn_is_the_same(tree, floats, keep):
    whole = [scored(tree)[0], scored(tree, keep)[0]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "CACHED_FLOATS", floats)
        for kept, masses in zip((None, keep), whole, strict=True):
            assert np.allclose(scored(tree, kept)[0], masses, atol=1e-6)


def free_by_hand(decoder, features, levels):
    """Every sequence with its log probability, by a walk over the whole vocabulary."""
    found = {}
    start, seen = decoder.start(features)
    waiting = [((), START, start, 0.0)]
    while waiting:
        names, token, state, total = waiting.pop()
        told = decoder.advance(state, torch.tensor([[token]]), seen)
        logits = decoder.vocabulary(told.hidden)[0, 0].clone()
        logits[[PAD, START]] = float("-inf")
        for word, share in enumerate(logits.log_softmax(0).tolist()):
            if word == END or (word > END and len(names) == levels):
                found[(*names, word)] = total + share
            elif word > END:
                waiting.append(((*names, word), word, told.state, total + share))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_free_writing_finds_the_best_sequences_of_all(seed):
    decoder = Remembering(words=7, seed=seed)
    features = torch.randn(3, 6, 2, 2, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        written = write_freely(decoder, features, levels=2, beams=4**3)
        for row in range(3):
            expected = free_by_hand(decoder, features[row : row + 1], levels=2)
            best = sorted(expected.items(), key=lambda item: -item[1])[:10]
            for place, (words, total) in enumerate(best):
                assert tuple(t for t in written.tokens[row, place].tolist() if t != PAD) == words
                assert float(written.log_probability[row, place]) == pytest.approx(total, abs=1e-4)


def test_a_narrow_beam_is_greedy():
    decoder = Remembering(words=7)
    with torch.no_grad():
        written = write_freely(decoder, torch.zeros(1, 6, 1, 1), levels=3, beams=1)
        state, seen = decoder.start(torch.zeros(1, 6, 1, 1))
        word = START
        for place in range(4):
            told = decoder.advance(state, torch.tensor([[word]]), seen)
            state, logits = told.state, decoder.vocabulary(told.hidden)[0, 0]
            logits[[PAD, START]] = float("-inf")
            word = int(logits.argmax())
            assert int(written.tokens[0, 0, place]) == word
            if word == END:
                break


@given(taxonomies(), st.integers(0, 3))
def test_left_free_each_path_has_its_share_of_the_whole_vocabulary(tree, seed):
    decoder = Remembering(len(tree.vocabulary), seed=seed)
    features = torch.randn(2, 6, 2, 2, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        free = expand(decoder, features, TreePlan(tree.arrays), free=True).exp()
        assert (free.sum(1) <= 1 + 1e-5).all()
        held = expand(decoder, features, TreePlan(tree.arrays)).exp()
        assert (free <= held + 1e-6).all()
        state, seen = decoder.start(features)
        told = decoder.advance(state, torch.full((2, 1), START), seen)
        logits = decoder.vocabulary(told.hidden)[:, 0, END:].softmax(1)
        for node in tree.children(0):
            if not tree.children(node):
                assert torch.allclose(free[:, node], logits[:, tree.arrays.token[node] - END], atol=1e-5)

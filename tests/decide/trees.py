"""Random ragged trees with log masses on them, for the properties of `decide`."""

import numpy as np
from hypothesis import strategies as st

from atlas.records import IMPOSSIBLE, TreeArrays
from atlas.taxonomy.tree import Taxonomy

NAMES = "abcd"


@st.composite
def trees(draw) -> TreeArrays:
    path = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(tuple)
    return Taxonomy(draw(st.lists(path, min_size=1, max_size=25, unique=True))).arrays


def draw_log_mass(tree: TreeArrays, rows: int, rng: np.random.Generator, spread: float = 3.0) -> np.ndarray:
    """Float32 rows as a model gives them: normalised over the answers, IMPOSSIBLE elsewhere."""
    scores = rng.normal(0, spread, (rows, int(tree.is_answer.sum())))
    log_mass = np.full((rows, len(tree.parent)), IMPOSSIBLE, dtype=np.float32)
    log_mass[:, tree.is_answer] = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return log_mass

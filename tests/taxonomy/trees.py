"""Ragged random trees for property tests."""

import unicodedata

from hypothesis import strategies as st

from atlas.taxonomy.tree import Taxonomy, clean_name


def _is_plain(name):
    return bool(name) and name == clean_name(name) and ">" not in name


#: Every kind of name that a tree takes: digits and '#' in front, other scripts, signs; and some that clash on purpose.
names = st.one_of(
    st.sampled_from(["A", "a", "B", "3 - Piece", "#1", "? - x", "T : S", "- - -", "# ids: yes", "12", "gid://x/1 : y"]),
    st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8)
    .map(clean_name)
    .filter(lambda name: _is_plain(name) and "\ufeff" not in name and unicodedata.is_normalized("NFC", name)),
)
paths = st.lists(names, min_size=1, max_size=5).map(tuple)
path_lists = st.lists(paths, min_size=1, max_size=25, unique=True)
ids = st.one_of(
    st.integers(0, 99).map(str),
    st.sampled_from(["gid://shopify/TaxonomyCategory/aa-1", "SKU-7", "abc", "-", ":", "x>y", "a:"]),
)


@st.composite
def taxonomies(draw):
    """Leaves at any depth, some inner nodes that are answers, some answers with ids."""
    listed = draw(path_lists)
    with_ids = draw(st.lists(st.sampled_from(listed), unique=True, max_size=len(listed)))
    names = draw(st.lists(ids, unique=True, min_size=len(with_ids), max_size=len(with_ids)))
    return Taxonomy(listed, dict(zip(with_ids, names, strict=True)))

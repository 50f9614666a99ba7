from hypothesis import given
from hypothesis import strategies as st

from atlas.collect.reach import LIST, MAX_BARREN, MAX_HOPS, MAX_TURNS, PRODUCT, Reach

numbers = st.integers(0, 50)
reaches = st.builds(Reach, st.sampled_from([LIST, PRODUCT]), numbers, numbers, numbers, numbers)
links = st.sampled_from(["product", "next", "moved", "picture"])


def test_what_each_link_offers():
    here = Reach(LIST, turns=3, barren=2, start=1, hops=1)
    assert here.behind("product", True) == Reach(PRODUCT, start=1)
    assert here.behind("next", True) == Reach(LIST, turns=4, barren=0, start=1)
    assert here.behind("next", False) == Reach(LIST, turns=4, barren=3, start=1)
    assert here.behind("moved", True) == here._replace(hops=2)


def test_what_is_too_far():
    assert Reach(hops=MAX_HOPS).fault is None
    assert Reach(hops=MAX_HOPS + 1).fault.reason == "too many redirects"
    assert Reach(turns=MAX_TURNS, barren=MAX_BARREN).fault is None
    assert Reach(turns=MAX_TURNS + 1).fault.reason == "endless list"
    assert Reach(barren=MAX_BARREN + 1).fault.reason == "endless list"


@given(reaches, reaches, links, st.booleans())
def test_a_nearer_page_never_offers_less(one, other, link, fruitful):
    offered = one.least(other).behind(link, fruitful)
    assert offered == one.behind(link, fruitful).least(other.behind(link, fruitful))


@given(reaches, reaches)
def test_the_least_of_two_does_not_know_their_order(one, other):
    assert one.least(other) == other.least(one)
    assert one.least(other).least(one) == one.least(other)

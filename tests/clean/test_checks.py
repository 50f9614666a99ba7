import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.clean.checks import CHECKS, MEASURED, Facts, findings
from atlas.clean.measures import measure
from atlas.clean.thresholds import load_thresholds
from tests.clean.drawn import checked_shirt, encoded, packaging, size_chart, striped_shirt

BY_NAME = {check.name: check for check in CHECKS}
SHIPPED = load_thresholds()


def facts(*changes, products=None, paths=None, fits=None):
    """Rows of a good picture, each with some measures changed."""
    measured = np.zeros(len(changes), MEASURED)
    for row, change in enumerate(changes):
        good = {"readable": True, "format": "JPEG", "frames": 1, "width_px": 300, "height_px": 400, "detail": 0.2}
        for name, value in (good | change).items():
            measured[name][row] = value
    ones = np.ones(len(changes), np.int64)
    return Facts(
        measured,
        np.array(fits or [True] * len(changes)),
        np.array(products) if products else ones,
        np.array(paths) if paths else ones,
        {row: "cut short" for row, change in enumerate(changes) if change.get("readable") is False},
    )


def scores(name, known):
    return BY_NAME[name].score(known, SHIPPED).tolist()


def test_a_good_picture_is_no_finding():
    known = facts({})
    assert all(len(findings(check, check.score(known, SHIPPED), SHIPPED)) == 0 for check in CHECKS)


def test_the_scores_by_hand():
    assert scores("small", facts({"width_px": 80}, {"width_px": 900, "height_px": 900})) == [0.5, 1]
    assert scores("shape", facts({"width_px": 100}, {"height_px": 30})) == pytest.approx([0.25, 0.1])
    assert scores("blank", facts({"detail": 0.005}, {"detail": 0})) == pytest.approx([0.5, 0])
    assert scores("placeholder", facts({}, {}, products=[4, 1])) == [0.25, 1]
    assert scores("type", facts({}, {"frames": 2}, {"format": "ICO"}, {}, fits=[True, True, True, False])) == [
        1,
        0,
        0,
        0.75,
    ]


def test_the_score_of_lettering_by_hand():
    # 3.9 ln 31 + 2.9 * .5 - 3.7 * .2 - 14.6 = -0.497..; 1 - logistic(-.497) = .6218
    known = facts({"letters": 30, "letter_share": 0.5, "unevenness": 0.2}, {"letters": 0})
    assert scores("text", known) == pytest.approx([0.6218, 1], abs=1e-3)


def test_a_picture_that_cannot_be_read_is_a_finding_of_one_check_only():
    known = facts({"readable": False, "width_px": 0, "height_px": 0, "detail": 0, "format": ""})
    low = {check.name for check in CHECKS if len(findings(check, check.score(known, SHIPPED), SHIPPED))}
    assert low == {"unreadable"}
    assert BY_NAME["unreadable"].why(known, 0) == "cut short"


def test_findings_come_worst_first_and_only_below_the_threshold():
    check = BY_NAME["small"]
    low = findings(check, np.array([0.1, 0.25, 0.0, 0.2], np.float32), SHIPPED)
    assert low.tolist() == [2, 0, 3]


def test_every_finding_says_why():
    known = facts({"letters": 50, "letter_share": 0.4}, {"frames": 3, "format": "GIF"}, products=[9, 1], paths=[2, 1])
    for check in CHECKS:
        assert all(check.why(known, row) for row in range(2))
    assert BY_NAME["placeholder"].why(known, 0) == "9 products in 2 categories"
    assert BY_NAME["type"].why(known, 1) == "GIF of 3 pictures"


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "width_px": st.integers(1, 9000),
                "height_px": st.integers(1, 9000),
                "detail": st.floats(0, 1),
                "letters": st.floats(0, 2000),
                "letter_share": st.floats(0, 1),
                "unevenness": st.floats(0, 9),
                "frames": st.integers(1, 9),
                "readable": st.booleans(),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_scores_lie_between_0_and_1(changes):
    known = facts(*changes)
    for check in CHECKS:
        score = check.score(known, SHIPPED)
        assert score.dtype == np.float32
        assert ((score >= 0) & (score <= 1)).all()


@pytest.mark.parametrize(("draw", "is_text"), [(size_chart, 1), (packaging, 1), (checked_shirt, 0), (striped_shirt, 0)])
def test_drawn_charts_and_packaging_are_found_and_garments_are_not(draw, is_text):
    rows = [measure(encoded(draw(seed)))[0] for seed in range(20, 26)]
    known = facts(
        *({name: getattr(row, name) for name in ("letters", "lines", "letter_share", "unevenness")} for row in rows)
    )
    low = findings(BY_NAME["text"], BY_NAME["text"].score(known, SHIPPED), SHIPPED)
    assert len(low) == 6 * is_text

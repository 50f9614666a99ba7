import json

import numpy as np
import pytest
from PIL import Image

from atlas.errors import DataError, NothingDoneError
from atlas.stages import calibrate as stage
from atlas.stages.categorizer import Categorizer

from .fake_model import COLOURS, TREE, FakeScorer, encoded, picture, write_dataset


@pytest.fixture
def noisy(tmp_path, monkeypatch):
    """A data set whose labels a calm model drew (sharpness 4), and a sharp model (16) that is too sure of them."""
    rng = np.random.default_rng(3)
    calm = FakeScorer(tmp_path, sharpness=4.0)
    rows = []
    for _ in range(600):
        image = Image.new("RGB", (16, 16), tuple(rng.integers(0, 200, 3).tolist()))
        chances = np.exp(calm.score_pixels(np.asarray(image).transpose(2, 0, 1)[None].copy())[0].astype(np.float64))
        path = TREE.paths[rng.choice(len(TREE), p=chances / chances.sum())]
        rows.append({"path": list(path), "image": encoded(image)})
    (tmp_path / "model").mkdir()
    monkeypatch.setattr(stage, "load", lambda folder, engine: Categorizer(FakeScorer(folder, sharpness=16.0)))
    return rows


def test_a_model_that_is_too_sure_is_calmed(noisy, tmp_path):
    """Scores four times too sharp: within a parent the temperature that undoes it is 4; across parents near it."""
    fitted = stage.calibrate(tmp_path / "model", write_dataset(tmp_path / "data", noisy))
    assert (fitted.rows, fitted.failed) == (600, 0)
    assert fitted.temperatures[1] == pytest.approx(4, rel=0.25)
    assert 2 < fitted.temperatures[0] < 6
    for old, new in zip(fitted.before, fitted.after, strict=True):
        assert new.nll < old.nll
        assert new.ece < old.ece / 2
    written = json.loads((tmp_path / "model" / "calibration.json").read_text())
    assert written["version"] == 1
    assert written["image"] == {"temperatures": list(fitted.temperatures), "split": "dev", "rows": 600}


def test_figures_by_hand():
    """One row: truth Red > Dark, guess Red > Bright. Mass .3, .5 below Red, .2 on Grey."""
    log_mass = np.full((1, len(TREE)), -1e4, dtype=np.float32)
    for path, mass in ((("Red", "Dark"), 0.3), (("Red", "Bright"), 0.5), (("Grey",), 0.2)):
        log_mass[0, TREE.node(path)] = np.log(mass)
    truth = np.array([TREE.node("Red > Dark")])
    first, second = stage._figures(iter([(log_mass, truth)]), (1.0, 1.0), TREE.arrays)
    assert first == pytest.approx((1, 1, 0.2, -np.log(0.8)), abs=1e-6)
    assert second == pytest.approx((2, 1, 0.5, -np.log(0.3)), abs=1e-6)


def test_a_guess_below_a_truth_that_ends_is_wrong_unless_it_is_known_no_deeper(tmp_path):
    """All mass on Red > Dark. Truth Red, no answer: level 2 cannot be judged. Truth Grey, an answer: it is wrong."""
    log_mass = np.full((2, len(TREE)), -1e4, dtype=np.float32)
    log_mass[:, TREE.node("Red > Dark")] = 0
    truth = np.array([TREE.node("Red"), TREE.node("Grey")])
    first, second = stage._figures(iter([(log_mass, truth)]), (1.0, 1.0), TREE.arrays)
    assert (first.rows, first.ece) == (2, pytest.approx(0.5))
    assert (second.rows, second.ece) == (1, pytest.approx(1.0))
    assert np.isnan(second.nll)


def test_bad_rows_cost_nothing_but_themselves(noisy, tmp_path):
    data = write_dataset(tmp_path / "data", noisy)
    odd = [{"path": ["Green"], "image": noisy[0]["image"]}, {"path": ["Grey"], "image": b"x"}]
    mixed = [noisy[0], odd[0], *noisy[1:300], odd[1], *noisy[300:]]
    clean, spoiled = (
        stage.calibrate(tmp_path / "model", folder, batch_size=50)
        for folder in (data, write_dataset(tmp_path / "mixed", mixed))
    )
    assert (spoiled.rows, spoiled.failed) == (600, 1)
    assert spoiled.temperatures == pytest.approx(clean.temperatures)
    assert spoiled.after == clean.after


def test_a_split_without_use_leaves_the_old_calibration(noisy, tmp_path):
    file = tmp_path / "model" / "calibration.json"
    file.write_text("old")
    data = write_dataset(tmp_path / "data", [{"path": ["Green"], "image": encoded(picture(("Grey",)))}])
    with pytest.raises(NothingDoneError, match="in the tree"):
        stage.calibrate(tmp_path / "model", data)
    with pytest.raises(DataError, match="has no split"):
        stage.calibrate(tmp_path / "model", data, "test")
    assert file.read_text() == "old"


def test_few_rows_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "load", lambda folder, engine: Categorizer(FakeScorer(folder)))
    rows = [{"path": list(path), "image": encoded(picture(path))} for path in COLOURS]
    fitted = stage.calibrate(tmp_path, write_dataset(tmp_path / "data", rows))
    assert fitted.temperatures == (1.0, 1.0)
    assert fitted.before == fitted.after

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlas.errors import BundleError, ImageError
from atlas.records import Prediction
from atlas.stages.categorizer import Categorizer, decoded_ahead

from .fake_model import COLOURS, FakeScorer, encoded, picture


@pytest.fixture
def categorizer(tmp_path) -> Categorizer:
    return Categorizer(FakeScorer(tmp_path))


@pytest.mark.parametrize("path", list(COLOURS))
def test_every_form_of_a_picture_gives_the_same_answer(categorizer, tmp_path, path):
    image = picture(path)
    file = tmp_path / "ein Bild ü.png"
    image.save(file)
    forms = [file, str(file), encoded(image), image, np.asarray(image)]
    answers = categorizer.predict(forms)
    assert {answer.path for answer in answers} == {path}
    assert len({answer.probability for answer in answers}) == 1
    assert categorizer.predict(file) == answers[0]


def test_a_prediction_holds_together(categorizer):
    said = categorizer.predict(picture(("Blue", "Dark")))
    assert isinstance(said, Prediction)
    assert said.error is None
    assert len(said.level_probabilities) == 2
    assert 1 >= said.level_probabilities[0] >= said.level_probabilities[1]
    assert said.level_probabilities[1] == pytest.approx(said.probability)
    ranked = [said.probability, *(other.probability for other in said.alternatives)]
    assert len(said.alternatives) == 3
    assert ranked == sorted(ranked, reverse=True)
    assert len(categorizer.predict(picture(("Grey",)), alternatives=99).alternatives) == 4
    assert categorizer.predict(picture(("Grey",)), alternatives=0).alternatives == ()


def test_many_keep_their_order_whatever_the_batch(tmp_path):
    paths = list(COLOURS) * 9
    for batch_size in (1, 7, 64):
        scorer = FakeScorer(tmp_path)
        answers = Categorizer(scorer).predict((picture(path) for path in paths), batch_size=batch_size)
        assert [answer.path for answer in answers] == paths
        assert max(scorer.batches) == min(batch_size, len(paths))


def test_an_array_of_four_dimensions_is_many(categorizer):
    stack = np.stack([np.asarray(picture(path)) for path in COLOURS])
    assert [answer.path for answer in categorizer.predict(stack)] == list(COLOURS)


def test_nothing_gives_nothing(categorizer):
    assert categorizer.predict([]) == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("no/such/file.jpg", "no such file"),
        (b"", "not a picture"),
        (b"hello", "not a picture"),
        (encoded(Image.effect_noise((200, 200), 50), "JPEG")[:4000], "damaged picture"),
        (np.zeros((4, 4)), "array float64"),
        (None, "NoneType"),
        (7, "int"),
        ("nul\0byte.jpg", "unreadable file"),
        ("x" * 5000, "unreadable file"),
        (Image.new("RGB", (8, 8), "white"), "no number"),
    ],
)
def test_a_bad_picture_costs_only_itself(categorizer, bad, reason):
    good = picture(("Grey",))
    first, second, third = categorizer.predict([good, bad, good])
    assert first == third == categorizer.predict(good)
    assert reason in second.error
    assert (second.path, second.probability, second.level_probabilities) == ((), 0.0, ())
    if not isinstance(bad, np.ndarray):
        assert categorizer.predict(bad) == second


def test_folders_and_pipes_are_no_pictures(categorizer, tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    answers = categorizer.predict([tmp_path / "pipe.jpg", tmp_path / "folder.jpg", tmp_path / "empty.jpg"])
    assert ["not a file" in answer.error for answer in answers] == [True, True, False]
    assert "not a picture" in answers[2].error


def test_an_engine_may_say_log_of_zero_as_minus_infinity(categorizer):
    expected = categorizer.predict(picture(("Red", "Dark")))
    score = categorizer._scorer.score_pixels
    categorizer._scorer.score_pixels = lambda pixels: np.where((raw := score(pixels)) <= -1e4, -np.inf, raw)
    assert categorizer.predict(picture(("Red", "Dark"))) == expected
    categorizer._scorer.score_pixels = lambda pixels: np.full((len(pixels), 8), -np.inf, dtype=np.float32)
    assert "no number" in categorizer.predict(picture(("Red", "Dark"))).error


def test_temperatures_of_the_model_are_applied(tmp_path):
    sharp = Categorizer(FakeScorer(tmp_path))
    calm = Categorizer(FakeScorer(tmp_path, {"image": {"temperatures": [3.0, 1.0]}}))
    before, after = (model.predict(picture(("Red", "Dark"))) for model in (sharp, calm))
    assert after.path == before.path
    assert after.level_probabilities[0] < before.level_probabilities[0]
    conditional = [said.level_probabilities[1] / said.level_probabilities[0] for said in (before, after)]
    assert conditional[0] == pytest.approx(conditional[1], rel=1e-4)


@pytest.mark.parametrize("wrong", [[1.0], [1.0, 0.0], "ab", [1.0, None], [1.0, float("inf")]])
def test_temperatures_that_do_not_fit_are_refused(tmp_path, wrong):
    with pytest.raises(BundleError, match="atlas calibrate"):
        Categorizer(FakeScorer(tmp_path, {"image": {"temperatures": wrong}}))


def test_decoding_runs_ahead_but_not_far(tmp_path):
    taken = []

    def pictures():
        for number in range(100):
            taken.append(number)
            yield picture(("Grey",))

    stream = decoded_ahead(pictures(), FakeScorer(tmp_path).bundle.image, ahead=8)
    next(stream)
    assert len(taken) == 9
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("atlas-decode")]


def test_an_error_in_place_of_a_picture_is_told(categorizer):
    (answer,) = categorizer.answers([ImageError("the cell is empty")])
    assert answer.prediction.error == "the cell is empty"
    assert answer.masses == ()


def test_masses_above_the_floor_are_listed(categorizer):
    (answer,) = categorizer.answers([picture(("Red", "Bright"))])
    masses = dict(answer.masses)
    assert all(mass > 1e-4 for mass in masses.values())
    assert masses[categorizer.taxonomy.node("Red > Bright")] == pytest.approx(answer.prediction.probability)
    assert sum(masses.values()) == pytest.approx(1, abs=1e-3)


def test_the_front_door_loads_no_torch():
    import subprocess
    import sys

    code = "import sys, atlas; atlas.load, atlas.Taxonomy, dir(atlas); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
    import atlas

    assert len(atlas.__all__) < 10
    assert all(hasattr(atlas, name) for name in atlas.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = atlas.lode

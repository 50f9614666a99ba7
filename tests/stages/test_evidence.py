import numpy as np
import pytest
from PIL import Image, ImageFont

from atlas.errors import UsageError
from atlas.images import ImageConfig
from atlas.records import Alternative, Prediction
from atlas.stages import explain
from atlas.stages.categorizer import Categorizer
from atlas.stages.evidence import CELLS, cells_of, hide, occlusion
from atlas.stages.explain import MARGIN_PX, PANEL_PX, claim_drawings, draw_explanation

from .fake_model import FakeScorer


def test_cells_are_nearly_square():
    assert cells_of((80, 60)) == (8, 6)
    assert cells_of((150, 150)) == (8, 8)
    assert cells_of((32, 400)) == (1, 8)


def test_hiding_covers_just_the_cells():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 8), dtype=np.uint8)
    before = pixels.copy()
    covered = hide(pixels, np.array([[0, 0], [3, 1]]), (4, 2))
    hidden = np.zeros((16, 8), dtype=bool)
    hidden[:4, :4] = hidden[12:, 4:] = True
    assert (covered[:, ~hidden] == pixels[:, ~hidden]).all()
    assert (covered[:, hidden] != pixels[:, hidden]).mean() > 0.9
    assert (pixels == before).all()


def test_a_hidden_part_shows_what_surrounds_it():
    pixels = np.zeros((3, 32, 32), dtype=np.uint8)
    pixels[:, :, 16:] = 200  # dark on the left, bright on the right
    pixels[0, 8:16, 8:24] = 77  # and a thing across the middle
    covered = hide(pixels, np.array([[1, 1], [1, 2]]), (4, 4))
    assert (covered[:, 8:16, 8:11] < 30).all()
    assert (covered[:, 8:16, 21:24] > 170).all()
    assert (np.diff(covered[1, 12].astype(int)) >= 0).all()  # and from one to the other without a step back


def test_a_plain_part_stays_plain_and_a_whole_picture_becomes_its_mean():
    plain = np.full((3, 40, 30), 240, dtype=np.uint8)
    assert (hide(plain, np.array([[0, 0], [7, 5]]), (8, 6)) == 240).all()
    plain[:, :20] = 0
    assert (hide(plain, np.array([[0, 0]]), (1, 1)) == 120).all()


def test_the_middle_of_a_large_hidden_part_is_a_number():
    pixels = np.full((3, 300, 200), 9, dtype=np.uint8)
    cells = np.array([[row, column] for row in range(8) for column in range(6)][:-1])
    assert (hide(pixels, cells, (8, 6)) == 9).all()


def test_light_falls_where_hiding_costs():
    pixels = np.full((3, 64, 48), 30, dtype=np.uint8)
    pixels[:, 8:16, 16:24] = 255  # the cell (1, 2) decides the first level, (5, 0) the second
    pixels[:, 40:48, 0:8] = 255

    def log_levels(pictures):
        first = pictures[:, 0, 8:16, 16:24].mean((1, 2)) / 255
        second = pictures[:, 0, 40:48, 0:8].mean((1, 2)) / 255
        return np.stack([np.log(first), np.log(second)], axis=1)

    light = occlusion(pixels, log_levels)
    assert light.shape == (2, 8, 6)
    assert np.allclose(light.sum((1, 2)), 1)
    assert light[0, 1, 2] == pytest.approx(1)
    assert light[1, 5, 0] == pytest.approx(1)


def test_a_level_that_nothing_lowers_is_lit_evenly():
    light = occlusion(np.zeros((3, 32, 32), dtype=np.uint8), lambda pictures: np.zeros((len(pictures), 1)))
    assert np.allclose(light, 1 / CELLS**2)


def test_a_model_without_light_is_explained_by_hiding(tmp_path):
    categorizer = Categorizer(FakeScorer(tmp_path))
    picture = np.full((40, 40, 3), 90, dtype=np.uint8)
    plain, explained = categorizer.predict(picture), categorizer.predict(picture, evidence=True)
    assert plain.evidence == ()
    assert explained == plain
    assert len(explained.evidence) == len(explained.path)
    assert all(light.sum() == pytest.approx(1) for light in explained.evidence)


def test_a_models_own_light_is_cut_to_the_answers_depth(tmp_path):
    class Lit(FakeScorer):
        def light(self, pixels, nodes):
            return np.stack([np.full((9, 2, 2), node, dtype=np.float32) for node in nodes])

    categorizer = Categorizer(Lit(tmp_path))
    (said,) = categorizer.predict([np.full((40, 40, 3), 90, dtype=np.uint8)], evidence=True)
    assert len(said.evidence) == len(said.path)
    assert (said.evidence[0] == categorizer.taxonomy.node(said.path)).all()


def test_the_drawing_keeps_lit_cells_and_darkens_the_rest():
    light = np.array([[1.0, 0.0], [0.0, 0.0]], dtype=np.float32)
    said = Prediction(("Men", "Shirts"), 0.7, (0.9, 0.7), (Alternative(("Women",), 0.1),), evidence=(light, light))
    sheet = np.asarray(draw_explanation(Image.new("RGB", (240, 320), (200, 30, 30)), said, ImageConfig()))
    assert sheet.shape[1] == 3 * PANEL_PX[0] + 4 * MARGIN_PX
    left = 2 * MARGIN_PX + PANEL_PX[0]
    assert sheet[MARGIN_PX + 10, left + 10].tolist() == [200, 30, 30]
    assert sheet[MARGIN_PX + 10, left + 230].max() < 60
    assert sheet[MARGIN_PX + 310, left + 10].max() < 60


def test_the_drawing_shows_what_the_model_sees():
    picture = Image.new("RGB", (100, 300), (200, 30, 30))
    picture.paste((30, 30, 200), (0, 0, 100, 100))  # a square model that crops never sees this
    light = (np.ones((1, 1), dtype=np.float32),)
    said = Prediction(("Men",), 0.7, (0.7,), (), evidence=light)
    cut, padded, whole = (
        np.asarray(draw_explanation(picture, said, ImageConfig(80, 80, fit))) for fit in ("crop", "pad", "stretch")
    )
    middle = MARGIN_PX + PANEL_PX[0] // 2
    assert (cut[MARGIN_PX + 2, middle] == [200, 30, 30]).all()
    assert (padded[MARGIN_PX + 2, middle] == [30, 30, 200]).all()
    assert (padded[MARGIN_PX + 2, MARGIN_PX + 2] == 255).all()
    assert (whole[MARGIN_PX + 2, middle] == [30, 30, 200]).all()
    assert cut.shape == padded.shape


def _caption(*names):
    """The pixels under the panels, for an answer of these names."""
    light = (np.full((1, 1), 1, dtype=np.float32),) * len(names)
    said = Prediction(names, 0.7, (0.7,) * len(names), (), evidence=light)
    sheet = draw_explanation(Image.new("RGB", (240, 320), (200, 30, 30)), said, ImageConfig())
    return np.asarray(sheet)[MARGIN_PX + PANEL_PX[1] :]


def test_names_that_pillows_font_lacks_are_written_in_one_of_the_systems():
    try:
        ImageFont.truetype("DejaVuSans.ttf", 20)
    except OSError:
        pytest.skip("this machine has no DejaVu Sans")
    assert (_caption("Женщины") != _caption("Жанщяны")).any()  # boxes would look alike


def test_a_name_that_no_font_here_has_becomes_its_levels_number(monkeypatch):
    monkeypatch.setattr(explain, "FONTS", ("no-such-font.ttf",))
    assert (_caption("Men", "服装") == _caption("Men", "level 2")).all()
    assert (_caption("Skirts & Kilts") != _caption("level 1")).any()


def test_drawings_are_not_mixed_with_those_of_an_earlier_call(tmp_path):
    folder = tmp_path / "why"
    claim_drawings(folder)
    assert not folder.exists()
    folder.mkdir()
    claim_drawings(folder)  # an empty one is as good as none
    (folder / "00007-shirt.png").touch()
    (folder / "notes-of-mine.png").touch()
    with pytest.raises(UsageError, match=r"why holds files already: .* or use --overwrite"):
        claim_drawings(folder)
    claim_drawings(folder, overwrite=True)
    assert [file.name for file in folder.iterdir()] == ["notes-of-mine.png"]


def test_a_file_takes_no_drawings(tmp_path):
    (tmp_path / "products.csv").touch()
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="is a file: --explain draws into a folder"):
            claim_drawings(tmp_path / "products.csv", overwrite=overwrite)

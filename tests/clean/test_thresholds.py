import pytest

from atlas.clean.checks import CHECKS
from atlas.clean.thresholds import load_thresholds
from atlas.errors import RecipeError


def test_every_check_has_a_threshold_and_a_verdict():
    shipped = load_thresholds()
    for check in CHECKS:
        rule = getattr(shipped, check.name)
        assert 0 < rule.below <= 1
        assert rule.verdict in ("drop", "look")


def test_a_file_changes_what_it_names_and_a_setting_goes_over_it(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[blank]\nbelow = 0.9\n[tree]\nthin = 3\n")
    rules = load_thresholds(file, ["blank.below=0.2", "thin=5"])
    assert rules.blank.below == 0.2
    assert rules.blank.ample_detail == load_thresholds().blank.ample_detail
    assert rules.tree.thin == 5
    assert rules.small == load_thresholds().small


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[blnk]\nbelow = 1", "did you mean 'blank'"),
        ("[blank]\nbelow = 2.0", "scores run from 0 to 1"),
        ("[blank]\nverdict = 'burn'", "use one of 'drop', 'look'"),
        ("[blank\n", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, words):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=words):
        load_thresholds(file)


def test_wrong_settings_are_refused(tmp_path):
    with pytest.raises(RecipeError, match="ambiguous"):
        load_thresholds(settings=["below=0.1"])
    with pytest.raises(RecipeError, match="cannot be read"):
        load_thresholds(tmp_path / "missing.toml")

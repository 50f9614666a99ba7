import csv

import numpy as np
import pytest
from typer.testing import CliRunner

from atlas.cli.main import app
from atlas.errors import UsageError
from atlas.runtime import Written
from atlas.stages import propose as propose_file
from atlas.stages.propose import propose_paths, sentence
from atlas.stages.train import train_model
from atlas.taxonomy.tree import Taxonomy
from tests.striped import tiny_recipe

TREE = Taxonomy([("Men", "Jeans"), ("Women", "Skirts")])
PAD, START, END = 0, 1, 2


def tokens(*names):
    return [TREE.vocabulary.index(name) for name in names]


def test_a_sentence_is_the_names_before_its_end():
    assert sentence([*tokens("Men", "Skirts"), END, PAD], TREE) == ("Men", "Skirts")
    assert sentence(tokens("Men", "Skirts", "Jeans"), TREE) == ()
    assert sentence([END, PAD], TREE) == ()


@pytest.fixture(scope="module")
def path_model(small_dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("path") / "model"
    settings = ("decoder.kind=transformer", "decoder.size=8", "heads=2", "epochs=1")
    train_model(small_dataset, folder, tiny_recipe(*settings))
    return folder


class Writer:
    """A model that writes what it is told, two of the new path and the rest of the tree's own."""

    def __init__(self, scorer):
        self.bundle, self.rows = scorer.bundle, 0

    def write(self, pixels, beams):
        words = self.bundle.taxonomy.vocabulary
        new, old = (
            [words.index(name) for name in names] + [END] for names in (("Men", "Dresses"), ("Women", "Dresses"))
        )
        written = [new if self.rows + row in (1, 3) else old for row in range(len(pixels))]
        probability = np.array([0.1 * (self.rows + row + 1) for row in range(len(pixels))])
        self.rows += len(pixels)
        return Written(np.array(written), probability, np.full(len(pixels), 0.25))


def test_new_paths_are_counted_with_their_best_examples(path_model, small_dataset, tmp_path, monkeypatch):
    real = propose_file.open_scorer
    monkeypatch.setattr(propose_file, "open_scorer", lambda *asked: Writer(real(*asked)))
    found = propose_paths(path_model, small_dataset, "test", tmp_path / "p.csv")
    (proposal,) = found.proposals
    assert (proposal.path, proposal.count, found.outside) == (("Men", "Dresses"), 2, 2)
    assert proposal.probability == pytest.approx((0.2 + 0.4) / 2)
    assert found.novelty == pytest.approx(0.25)
    (row,) = csv.DictReader((tmp_path / "p.csv").read_text().splitlines())
    assert (row["path"], row["count"], row["verdict"], row["by"]) == ("Men > Dresses", "2", "", "")
    assert row["examples"] == "; ".join(reversed(proposal.products))


def test_a_real_decoder_proposes_only_what_the_tree_lacks(path_model, small_dataset, tmp_path):
    found = propose_paths(path_model, small_dataset, "train", tmp_path / "p.csv")
    assert found.pictures > 30
    assert 0 <= found.novelty <= 1
    assert all(proposal.path for proposal in found.proposals)
    with pytest.raises(UsageError, match="--overwrite"):
        propose_paths(path_model, small_dataset, "train", tmp_path / "p.csv")


def test_a_flat_model_proposes_nothing_and_says_why(small_model, small_dataset, tmp_path):
    with pytest.raises(UsageError, match="fast-path"):
        propose_paths(small_model, small_dataset, "test", tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()


def test_the_commands(path_model, small_dataset, tmp_path):
    runner = CliRunner()
    asked = ["taxonomy", "propose", str(path_model), str(small_dataset), "-o", str(tmp_path / "p.csv"), "-q"]
    said = runner.invoke(app, asked)
    assert said.exit_code == 0, said.output
    assert "paths outside the tree" in said.output
    said = runner.invoke(app, ["taxonomy", "add", str(path_model), "Men > Kilts", "-o", str(tmp_path / "tree.txt")])
    assert said.exit_code == 0, said.output
    assert "never read Kilts" in said.output
    assert "Men > Kilts" in (tmp_path / "tree.txt").read_text()
    again = runner.invoke(app, ["taxonomy", "add", str(path_model), "Men > Kilts", "-o", str(tmp_path / "tree.txt")])
    assert again.exit_code == 2

from atlas.stages.card import model_card
from atlas.taxonomy.tree import Taxonomy

TREE = Taxonomy([("Men",), ("Women",)])
FACTS = {"data": "shop", "pictures": 1200, "best_epoch": 2}


def test_the_card_says_how_the_epoch_was_chosen():
    card = model_card("model", {}, TREE, FACTS | {"dev_accuracy": [0.875]})
    assert "Trained on 1,200 pictures of `shop`; epoch 2 was\nchosen on its `dev` part" in card
    assert "- first 1 names right: 87.5 %" in card


def test_the_card_of_a_model_without_dev_claims_no_choice_and_no_figures():
    card = model_card("model", {}, TREE, FACTS | {"dev_accuracy": []})
    assert "epoch 2 was\nthe last one. The data set has no `dev` part, so nothing was measured." in card
    assert "model-index" not in card

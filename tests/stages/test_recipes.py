import pytest

from atlas.errors import RecipeError
from atlas.model.schedule import one_cycle
from atlas.recipe import from_mapping, to_mapping
from atlas.stages.recipes import Recipe, load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_load_and_survive_json(name):
    recipe = load_recipe(name)
    assert from_mapping(Recipe, to_mapping(recipe)) == recipe


def test_the_papers_settings_are_to_the_letter():
    recipe = load_recipe("paper-classifier")
    assert (recipe.encoder.name, recipe.encoder.weights, recipe.encoder.width) == ("resnet34", "pretrained", 64)
    assert (recipe.image.height_px, recipe.image.width_px, recipe.image.fit) == (150, 150, "stretch")
    assert (recipe.head.kind, recipe.head.hidden, recipe.head.dropout) == ("paper", 512, 0.5)
    assert (recipe.training.epochs, recipe.training.patience, recipe.training.min_improvement) == (17, 3, 0.001)
    assert not recipe.augment.moves
    assert not recipe.training.label_smoothing


def test_the_papers_path_decoder_is_to_the_letter():
    recipe = load_recipe("paper-seq2seq")
    assert (recipe.encoder.name, recipe.encoder.weights, recipe.image.height_px) == ("resnet101", "pretrained", 150)
    decoder = recipe.decoder
    assert (decoder.kind, decoder.size, decoder.grid, decoder.dropout, decoder.doubly_stochastic) == (
        "lstm",
        512,
        14,
        0.5,
        1,
    )
    assert (recipe.training.epochs, recipe.training.batch_size, recipe.training.clip) == (3, 128, 5)
    for step in (0, 1, 50, 99):
        rate = one_cycle(recipe.schedule, step, 100).learning_rate
        assert (rate, rate * recipe.training.encoder_rate) == pytest.approx((4e-4, 1e-4))


def test_the_papers_zoom_network_is_to_the_letter():
    recipe = load_recipe("paper-zoom")
    assert (recipe.encoder.name, recipe.encoder.width, recipe.image.height_px, recipe.image.width_px) == (
        "conv3",
        32,
        150,
        150,
    )
    assert (recipe.head.kind, recipe.head.hidden, recipe.head.dropout) == ("dense", 64, 0.5)
    training = recipe.training
    assert (training.optimizer, training.second_momentum, training.weight_decay, training.epochs) == (
        "rmsprop",
        0.9,
        0,
        10,
    )
    for step in (0, 1, 50, 99):
        rates = one_cycle(recipe.schedule, step, 100)
        assert (rates.learning_rate, rates.momentum) == pytest.approx((1e-3, 0))
    assert not recipe.augment.moves


def test_settings_apply_in_order_and_by_short_name():
    recipe = load_recipe("paper-classifier", ["weights=none", "epochs=3", "training.epochs=5", "precision=fp32"])
    assert (recipe.encoder.weights, recipe.training.epochs, recipe.training.precision) == ("none", 5, "fp32")


def test_a_file_is_a_recipe(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[encoder]\nname = "resnet50"\n', encoding="utf-8")
    assert load_recipe(str(file)).encoder.name == "resnet50"


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("fats", [], "did you mean 'fast'"),
        ("nothing", [], "shipped are"),
        ("fast", ["epoch=3"], "did you mean 'epochs'"),
        ("fast", ["epochs=many"], "use a value of type int"),
        ("fast", ["epochs"], "write key=value"),
        ("fast", ["epochs=0"], "at least 1"),
        ("fast", ["mixup_alpha=0"], "above 0"),
        ("fast", ["patience=-1"], "0 or more"),
        ("fast", ["share=0"], "above 0, up to 1"),
        ("fast", ["share=1.1"], "above 0, up to 1"),
        ("fast", ["start_division=0"], "above 0"),
        ("fast", ["warmup_share=2"], "from 0 to 1"),
        ("fast", ["hidden=0"], "1 or more"),
        ("fast", ["width_px=20"], "32 px or more"),
        ("paper-classifier", ["height_px=20"], "32 px or more"),
        ("fast", ["head.kind=round"], "'linear', 'paper', 'dense'"),
        ("fast", ["optimizer=rmsprop"], "weight_decay is AdamW's"),
        ("fast", ["optimizer=sgd"], "'adamw', 'rmsprop'"),
        ("fast", ["grid=0"], "ambiguous"),
        ("paper-zoom", ["head.grid=0"], "1 or more"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(name, settings, says):
    with pytest.raises(RecipeError, match=says):
        load_recipe(name, settings)


def test_an_unknown_key_in_a_file_is_refused_with_the_nearest(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nepoch = 3\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"unknown key 'epoch' in .*training; did you mean 'epochs'"):
        load_recipe(str(file))
    file.write_text("[training\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="not TOML"):
        load_recipe(str(file))

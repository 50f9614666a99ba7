import dataclasses

import pytest
import torch
from torch.nn import functional as F

from atlas.errors import RecipeError
from atlas.model.assemble import assemble
from atlas.model.attention import LstmDecoder
from atlas.model.config import DecoderConfig, EncoderConfig, ModelConfig, ScoringConfig
from atlas.model.decoding import EXACT_INNER_NODES, KEPT
from atlas.model.loss import Target
from atlas.model.plan import END, START
from atlas.model.transformer import TransformerDecoder
from atlas.records import IMPOSSIBLE, Batch
from atlas.taxonomy.tree import Taxonomy

TREE = Taxonomy([("Men", "Jeans"), ("Men",), ("Women", "Tops", "Shirts"), ("Women", "Skirts")])
SMALL = EncoderConfig("resnet18", weights="none", width=8)
LSTM = DecoderConfig("lstm", size=12, embedding=6, attention=10, grid=5, dropout=0.0)
TRANSFORMER = DecoderConfig("transformer", size=16, heads=2, layers=2, dropout=0.0)
BOTH = pytest.mark.parametrize("decoder", [LSTM, TRANSFORMER], ids=lambda config: config.kind)


def model(decoder, **parts):
    torch.manual_seed(0)
    return assemble(ModelConfig(encoder=SMALL, decoder=decoder, **parts), TREE.arrays).eval()


def pixels(rows: int = 3) -> Batch:
    return Batch(torch.randint(0, 256, (rows, 3, 96, 64), dtype=torch.uint8))


@BOTH
def test_the_mass_lies_on_the_answers_and_sums_to_one(decoder):
    with torch.no_grad():
        log_mass = model(decoder).score(pixels())
    assert log_mass.shape == (3, len(TREE))
    assert torch.allclose(log_mass.exp().sum(1), torch.ones(3), atol=1e-5)
    assert (log_mass.exp()[:, ~torch.from_numpy(TREE.is_answer.copy())] == 0).all()


@BOTH
def test_the_loss_is_the_cross_entropy_of_the_sentence_word_by_word(decoder):
    path, batch = model(decoder), pixels(1)
    for names in (("Men", "Jeans"), ("Men",), ("Women", "Tops", "Shirts")):
        node = TREE.node(names)
        with torch.no_grad():
            state, seen = path.decoder.start(path.encoder(batch.pixels))
            words = [TREE.vocabulary.index(name) for name in names] + [END]
            total, before = 0.0, START
            for word in words:
                told = path.decoder.advance(state, torch.tensor([[before]]), seen)
                state, before = told.state, word
                total -= float(path.decoder.vocabulary(told.hidden)[0, 0].log_softmax(0)[word])
            assert float(path(batch, Target(torch.tensor([node])))) == pytest.approx(total / len(words), rel=1e-4)


@BOTH
def test_nothing_is_said_below_a_product_known_no_deeper(decoder):
    path = model(decoder)
    sentence = path.sentence[TREE.node("Women > Tops")]
    assert END not in sentence.tolist()
    assert path.sentence[TREE.node("Men")].tolist()[:2] == [TREE.vocabulary.index("Men"), END]


@BOTH
def test_rows_of_one_batch_do_not_mix(decoder):
    path, batch = model(decoder), pixels(4)
    target = torch.tensor([TREE.node(p) for p in ("Men", "Women > Skirts", "Women > Tops > Shirts", "Men > Jeans")])
    with torch.no_grad():
        together = float(path(batch, Target(target)))
        alone = [float(path(Batch(batch.pixels[n : n + 1]), Target(target[n : n + 1]))) for n in range(4)]
    assert together == pytest.approx(sum(alone) / 4, rel=1e-4)


@BOTH
def test_both_blended_truths_count_with_their_shares(decoder):
    path, batch = model(decoder), pixels(1)
    first, second = (torch.tensor([TREE.node(p)]) for p in ("Men", "Women > Skirts"))
    with torch.no_grad():
        whole = [float(path(batch, Target(node))) for node in (first, second)]
        blend = float(path(batch, Target(first, second, torch.tensor([0.3]))))
    assert blend == pytest.approx(0.3 * whole[0] + 0.7 * whole[1], rel=1e-4)


@BOTH
def test_light_sums_to_one_over_the_cells(decoder):
    path = model(decoder)
    with torch.no_grad():
        state, seen = path.decoder.start(path.encoder(pixels().pixels))
        told = path.decoder.advance(state, torch.full((3, 1), START), seen)
    assert told.light.shape[:2] == (3, 1)
    assert torch.allclose(told.light.sum(2), torch.ones(3, 1), atol=1e-5)


@BOTH
def test_a_path_does_not_see_its_neighbours(decoder):
    path = model(decoder)
    with torch.no_grad():
        state, seen = path.decoder.start(path.encoder(pixels(2).pixels))
        state = path.decoder.advance(state, torch.full((2, 1), START), seen).state
        several = path.decoder.advance(tuple(part.expand(-1, 3, *part.shape[2:]) for part in state), TOKENS, seen)
        for place in range(3):
            alone = path.decoder.advance(state, TOKENS[:, place : place + 1], seen)
            assert torch.allclose(alone.hidden[:, 0], several.hidden[:, place], atol=1e-5)


TOKENS = torch.tensor([[3, 4, 5], [5, 3, 4]])


@BOTH
def test_averaged_flips_do_not_see_left_and_right(decoder):
    path, batch = model(decoder, scoring=ScoringConfig(average_flips=True)), pixels()
    with torch.no_grad():
        mirrored = path.score(batch._replace(pixels=batch.pixels.flip(3)))
        assert torch.allclose(path.score(batch), mirrored, atol=1e-4)


def test_the_lstm_is_the_papers_step_on_the_pooled_grid():
    torch.manual_seed(0)
    decoder, features = LstmDecoder(LSTM, channels=7, words=9).eval(), torch.randn(2, 7, 3, 2)
    attention, token = decoder.attention, torch.tensor([[4], [2]])
    with torch.no_grad():
        state, seen = decoder.start(features)
        told = decoder.advance(state, token, seen)
        # the authors' order: pool the grid first, then everything on its 25 cells, one path a picture
        cells = F.adaptive_avg_pool2d(features, 5).flatten(2).transpose(1, 2)
        mean = cells.mean(1)
        hidden, cell = decoder.first_hidden(mean), decoder.first_cell(mean)
        scores = attention.score(F.relu(attention.of_cell(cells) + attention.of_state(hidden)[:, None])).squeeze(2)
        light = scores.softmax(1)
        context = torch.sigmoid(decoder.gate(hidden)) * (light[..., None] * cells).sum(1)
        hidden, cell = decoder.cell(torch.cat([decoder.embedding(token[:, 0]), context], 1), (hidden, cell))
    assert torch.allclose(told.light[:, 0], light, atol=1e-5)
    assert torch.allclose(told.hidden[:, 0], hidden, atol=1e-5)
    assert torch.allclose(told.state[1][:, 0], cell, atol=1e-5)


@BOTH
def test_a_step_may_take_the_same_tokens_for_all_pictures(decoder):
    path = model(decoder)
    with torch.no_grad():
        state, seen = path.decoder.start(path.encoder(pixels(2).pixels))
        looked = path.decoder.look(tuple(part.expand(-1, 3, *part.shape[2:]) for part in state), seen)
        shared, own = (path.decoder.take(looked, tokens, seen) for tokens in (TOKENS[:1], TOKENS[:1].expand(2, -1)))
    assert torch.equal(shared.hidden, own.hidden)
    assert shared.light.shape == own.light.shape


def fans(first_level: int) -> Taxonomy:
    """A tree with one more inner node than `first_level`, two leaves below each of those."""
    return Taxonomy([(f"n{number}", leaf) for number in range(first_level) for leaf in "ab"])


@pytest.mark.parametrize(("inner", "keep", "kept"), [
    (EXACT_INNER_NODES, "auto", None),
    (EXACT_INNER_NODES + 1, "auto", KEPT),
    (EXACT_INNER_NODES + 1, 0, None),
    (EXACT_INNER_NODES, 5, 5),
])  # fmt: skip
def test_a_large_tree_is_searched_unless_the_recipe_says_otherwise(inner, keep, kept):
    tree = fans(inner - 1)
    config = ModelConfig(SMALL, decoder=dataclasses.replace(TRANSFORMER, keep=keep))
    path = assemble(config, tree.arrays).eval()
    with torch.no_grad():
        log_mass = path.score(pixels(2))
    assert path.keep == kept
    assert torch.allclose(log_mass.exp().sum(1), torch.ones(2), atol=1e-4)
    searched = (log_mass[:, list(tree.answers)] > IMPOSSIBLE).sum(1)
    assert searched.tolist() == [2 * (kept or inner - 1)] * 2


def test_doubly_stochastic_attention_costs_uneven_light():
    plain, spread = (
        DecoderConfig("lstm", size=12, embedding=6, attention=10, grid=5, dropout=0.0, doubly_stochastic=weight)
        for weight in (0.0, 2.0)
    )
    batch, target = pixels(2), Target(torch.tensor([TREE.node("Men > Jeans")] * 2))
    path = model(spread)
    with torch.no_grad():
        state, seen = path.decoder.start(path.encoder(batch.pixels))
        light = torch.zeros(2, 25)
        for word in [START, *path.sentence[TREE.node("Men > Jeans")].tolist()[:2]]:
            told = path.decoder.advance(state, torch.full((2, 1), word), seen)
            state, light = told.state, light + told.light[:, 0]
        extra = float((1 - light).square().mean())
        assert float(path(batch, target)) == pytest.approx(float(model(plain)(batch, target)) + 2 * extra, rel=1e-4)


def test_a_transformer_needs_heads_that_share_its_width():
    with pytest.raises(RecipeError, match="use a multiple"):
        TransformerDecoder(DecoderConfig("transformer", size=10, heads=4), 8, 9)


@pytest.mark.parametrize("floats", [1, 1000, 1600, 3500])  # a path, 4, 6 = a picture, and 2 pictures of 3 at a time
def test_large_attention_is_taken_in_turns(monkeypatch, floats):
    torch.manual_seed(0)
    decoder = LstmDecoder(LSTM, channels=7, words=9).eval()
    with torch.no_grad():
        state, seen = decoder.start(torch.randn(3, 7, 3, 2))
        many = tuple(part * torch.rand(3, 6, 1) for part in state)
        tokens = torch.randint(3, 9, (3, 6))
        whole = decoder.advance(many, tokens, seen)
        monkeypatch.setattr("atlas.model.attention.CACHED_FLOATS", floats)
        assert torch.allclose(decoder.advance(many, tokens, seen).hidden, whole.hidden, atol=1e-6)


@pytest.mark.parametrize(("decoder", "grid"), [(LSTM, (5, 5)), (TRANSFORMER, (3, 2))], ids=["lstm", "transformer"])
def test_light_is_one_grid_a_level_along_the_answers_path(decoder, grid):
    path, batch = model(decoder), pixels(2)
    nodes = torch.tensor([TREE.node("Women > Tops > Shirts"), TREE.node("Men")])
    with torch.no_grad():
        light = path.light(batch, nodes)
        state, seen = path.decoder.start(path.encoder(batch.pixels))
        for level, before in enumerate((START, *path.sentence[nodes[0]].tolist()[:2])):
            told = path.decoder.advance(state, torch.full((2, 1), before), seen)
            state = told.state
            assert torch.allclose(light[0, level].flatten(), told.light[0, 0], atol=1e-6)
    assert light.shape == (2, TREE.levels, *grid)


@BOTH
def test_scoring_tells_the_light_of_every_inner_node(decoder):
    path, batch = model(decoder), pixels(2)
    inner = [node for node in range(len(TREE)) if TREE.arrays.end[node] > node + 1]
    with torch.no_grad():
        log_mass, light = path.score_lit(batch)
        assert torch.equal(log_mass, path.score(batch))
        for node in range(1, len(TREE)):
            way = TREE.ancestors(node)
            told = path.light(batch, torch.tensor([node, node]))
            for level, above in enumerate([0, *way[:-1]]):
                assert torch.allclose(light[:, inner.index(above)], told[:, level], atol=1e-6)
    assert light.shape[:2] == (2, len(inner))


def test_what_a_search_left_is_dark():
    decoder = DecoderConfig("transformer", size=16, heads=2, layers=2, dropout=0.0, keep=1)
    path, batch = model(decoder, scoring=ScoringConfig(average_flips=True)), pixels(2)
    with torch.no_grad():
        log_mass, light = path.score_lit(batch)
        assert torch.allclose(log_mass, path.score(batch), atol=1e-5)
    total = light.sum((2, 3))
    assert ((total - 1).abs().lt(1e-5) | total.eq(0)).all()
    assert (total == 0).sum(1).tolist() == [1, 1]  # Men or Women, one of them


def test_paths_as_deep_as_there_are_places_are_taught_and_written():
    deep = Taxonomy([tuple(f"level {level}" for level in range(32)), ("level 0", "leaf")])
    torch.manual_seed(0)
    path = assemble(ModelConfig(encoder=SMALL, decoder=TRANSFORMER), deep.arrays)
    node = torch.tensor([deep.node(tuple(f"level {level}" for level in range(32)))])
    assert path(pixels(1), Target(node)).isfinite()
    assert path.write(pixels(1)).tokens.shape[2] == 33


@BOTH
def test_all_steps_of_a_path_at_once_are_its_steps_one_by_one(decoder):
    path = model(decoder)
    with torch.no_grad():
        state, seen = path.decoder.start(path.encoder(pixels(2).pixels))
        state = tuple(part.expand(-1, 2, *part.shape[2:]) for part in state)
        tokens = torch.tensor([[[START, 4, 5], [START, 6, 4]], [[START, 5, 7], [START, 4, 4]]])
        hidden, light = path.decoder.follow(state, tokens, seen)
        for place in range(3):
            told = path.decoder.advance(state, tokens[..., place], seen)
            state = told.state
            assert torch.allclose(hidden[:, :, place], told.hidden, atol=1e-5)
            assert torch.allclose(light[:, :, place], told.light, atol=1e-6)

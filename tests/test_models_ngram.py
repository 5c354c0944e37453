"""The n-gram language model: the note's figures, plain torch, properties, what is refused."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

import sajeon
from sajeon import CorpusError, FormatError, TrainingError, Vocabulary
from sajeon.errors import NotFittedError
from sajeon.models import NGramLanguageModel
from sajeon.models.fitting import Plan, run
from sajeon.models.progress import Reporter
from sajeon.models.sampled import SampledSoftmax
from sajeon.nn import LazyAdamW
from sajeon.sampling import NoiseSampler

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a bird sang in the tree"] * 4
NOTE = {"optimizer": "sgd", "lr": 0.001, "schedule": "constant", "batch_size": 1, "shuffle": False}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that wait for each other make small products slow, on busy machines many times."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def sonnet(data) -> str:
    """The note's text; it is not ours to keep a copy of."""
    notes = sorted((data.parent / "originals").glob("002_*.txt"))
    if not notes:
        pytest.skip(f"no originals beside {data}")
    found = re.search(r'test_sentence = """(.*?)"""', notes[0].read_text(encoding="utf-8"), re.S)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def small() -> NGramLanguageModel:
    return NGramLanguageModel(epochs=40, lr=0.01).fit(TEXTS)


def note_vocab(text: str) -> Vocabulary:
    return Vocabulary.from_texts([text], specials=(), tokens="whitespace", order="first")


class Plain(nn.Module):
    """The note's network, written out; `draw` tells how its first weights come about."""

    def __init__(self, num_embeddings: int, dim: int, context: int, hidden: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embeddings = nn.Embedding(num_embeddings, dim)
            self.linear1 = nn.Linear(context * dim, hidden)
            self.linear2 = nn.Linear(hidden, num_embeddings)

    def forward(self, contexts):
        joined = self.embeddings(contexts).view(len(contexts), -1)
        return torch.log_softmax(self.linear2(torch.relu(self.linear1(joined))), dim=1)


def trained_plainly(model: Plain, ids, optimizer, epochs: int, batch_size: int, reach) -> list:
    """Train on the pairs of one text in their order; return the summed loss of each epoch."""
    places = torch.arange(max(-r for r in reach), len(ids))
    sums = []
    for _ in range(epochs):
        total = 0.0
        for batch in places.split(batch_size):
            model.zero_grad()
            contexts = torch.stack([ids[batch + r] for r in reach], dim=1)
            loss = nn.functional.nll_loss(model(contexts), ids[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        sums.append(total)
    return sums


def row_moved(before, after) -> float:
    return float((after - before).norm() / before.norm())


def test_the_note_is_reproduced_and_learns_nothing(sonnet):
    vocab = note_vocab(sonnet)
    assert (len(sonnet.split()), len(vocab)) == (115, 97)
    model = NGramLanguageModel(vocab, boundary=None, newest_first=True, **NOTE).fit([sonnet])
    sums = [113 * loss for loss in model.history]
    assert 510 < sums[0] < 535
    assert 490 < sums[-1] < 510
    assert sums == sorted(sums, reverse=True)
    assert sums[-1] > 0.95 * 113 * math.log(97)  # guessing evenly: 517
    plain = Plain(97, 10, 2, 128, seed=1)
    before = plain.embeddings.weight[vocab["beauty"]].detach().clone()
    assert 0.0003 < row_moved(before, torch.from_numpy(model["beauty"])) < 0.003
    ids = torch.from_numpy(vocab.encode(sonnet))
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.001)
    expected = trained_plainly(plain, ids, optimizer, 10, 1, reach=(-1, -2))
    np.testing.assert_allclose(sums, expected, rtol=1e-6)
    np.testing.assert_allclose(
        model.network.output.weight.detach(), plain.linear2.weight.detach(), atol=1e-6
    )


def test_other_settings_learn_the_note_by_heart(sonnet):
    vocab = note_vocab(sonnet)
    settings = {"lr": 0.01, "schedule": "constant", "batch_size": 16, "shuffle": False, "seed": 5}
    model = NGramLanguageModel(vocab, boundary=None, epochs=40, **settings).fit([sonnet])
    assert 113 * model.history[-1] < 113 * 0.5
    plain = Plain(97, 10, 2, 128, seed=5)
    before = plain.embeddings.weight[vocab["beauty"]].detach().clone()
    assert row_moved(before, torch.from_numpy(model["beauty"])) > 0.1
    ids = torch.from_numpy(vocab.encode(sonnet))
    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.01, weight_decay=0.0)
    expected = trained_plainly(plain, ids, optimizer, 40, 16, reach=(-2, -1))
    np.testing.assert_allclose(113 * np.array(model.history[:10]), expected[:10], rtol=1e-4)


def test_the_seed_decides_and_global_generators_are_left_alone():
    torch.manual_seed(123)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (
        NGramLanguageModel(epochs=2, dropout=0.3, seed=seed).fit(TEXTS) for seed in (3, 3, 4)
    )
    first.generate("the")
    assert torch.equal(torch_state, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002
    assert first.history == again.history != other.history
    np.testing.assert_array_equal(first["cat"], again["cat"])


def test_each_epoch_has_another_order_unless_asked_not_to():
    """One pair a step at rate 0: nothing moves, so only the order could change a loss."""
    still = NGramLanguageModel(lr=0.0, epochs=2, batch_size=5).fit(TEXTS)
    assert still.history[0] == pytest.approx(still.history[1])
    moving = {"lr": 0.1, "epochs": 1, "batch_size": 5, "optimizer": "sgd"}
    shuffled, ordered = (
        NGramLanguageModel(shuffle=shuffle, **moving).fit(TEXTS).history
        for shuffle in (True, False)
    )
    assert shuffled != ordered


def test_perplexity_is_the_mean_over_tokens_and_ends(small):
    texts = ["the cat sang", "a dog"]
    vocab, network = small.vocab, small.network
    losses = []
    for text in texts:
        ids = [vocab["</s>"]] * 2 + vocab.encode(text).tolist() + [vocab["</s>"]]
        for i in range(2, len(ids)):
            rows = network.embedding.weight[ids[i - 2 : i]].flatten()
            units = torch.relu(network.hidden.weight @ rows + network.hidden.bias)
            scores = (network.output.weight @ units + network.output.bias).double()
            losses.append((scores.logsumexp(0) - scores[ids[i]]).item())
    assert len(losses) == 3 + 1 + 2 + 1
    np.testing.assert_allclose(-small.log_probs(texts), losses, rtol=1e-4, atol=1e-6)
    assert small.perplexity(texts) == pytest.approx(math.exp(np.mean(losses)), rel=1e-4)


def test_an_unknown_token_counts_as_unk(small):
    np.testing.assert_array_equal(
        small.log_probs(["the zebra sat"]), small.log_probs([["the", "<unk>", "sat"]])
    )
    closed = Vocabulary.from_texts(TEXTS, specials=("</s>",), pad=None, unk=None)
    model = NGramLanguageModel(closed, epochs=1).fit(TEXTS)
    with pytest.raises(sajeon.UnknownTokenError, match="zebra"):
        model.perplexity(["the zebra sat"])


def test_no_boundary_means_pairs_within_texts_alone():
    model = NGramLanguageModel(boundary=None, context=3, epochs=1)
    model.fit(["a b c d e", "a b", "c d e f"])
    assert len(model.log_probs(["a b c d e", "a b", "c d e f"])) == 2 + 0 + 1
    assert "</s>" not in model
    with pytest.raises(ValueError, match=r"at least 3 tokens of context, got 1"):
        model.predict_next("a")
    with pytest.raises(CorpusError, match="at least 4 tokens"):
        model.fit(["a b c"])


def test_newest_first_is_the_same_model_with_its_columns_exchanged(small):
    turned = NGramLanguageModel(small.vocab, newest_first=True, epochs=1, lr=0.0).fit(TEXTS)
    turned.network.load_state_dict(small.network.state_dict())
    weight = turned.network.hidden.weight.data
    weight[:] = torch.cat([weight[:, 10:], weight[:, :10]], dim=1)
    texts = ["the cat sat on the log"]
    np.testing.assert_allclose(turned.log_probs(texts), small.log_probs(texts), atol=1e-5)
    assert turned.predict_next("on the", k=1)[0][0] == small.predict_next("on the", k=1)[0][0]


def test_next_tokens_come_likeliest_first(small):
    chances = small.probabilities("sat on")
    assert chances.sum() == pytest.approx(1.0, abs=1e-5)
    best = small.predict_next("sat on", k=3)
    assert best[0][0] == "the"
    assert best[0][1] > 0.9
    assert [p for _, p in best] == sorted(chances.tolist(), reverse=True)[:3]
    assert small.predict_next("", k=1)[0][0] in ("the", "a")  # how texts begin
    assert len(small.predict_next("sat on", k=1000)) == len(small.vocab)


def test_generated_text_is_drawn_by_the_models_probabilities(small):
    chances = small.probabilities("on the")
    drawn = [small.generate("on the", 1, seed=seed).split()[2:] for seed in range(600)]
    for token, expected in small.predict_next("on the", k=3):
        share = np.mean([words == [token] for words in drawn])
        assert share == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 600))
    assert chances[small.vocab.unk_id] < 0.01


def test_generated_text_ends_where_the_model_ends_it(small):
    assert small.generate("", 50, temperature=0) in set(TEXTS)
    assert small.generate("the cat", 50, seed=1) == small.generate("the cat", 50, seed=1)
    assert small.generate(["the", "cat"], 0) == "the cat"
    unknowing = NGramLanguageModel(epochs=1, lr=0.0).fit(TEXTS)
    unknowing.network.output.bias.data[unknowing.vocab.unk_id] = 50.0
    assert "<unk>" not in unknowing.generate("", 30)


def test_the_sampled_sum_is_right_on_average():
    torch.manual_seed(0)
    output = nn.Linear(8, 40)
    features, target = torch.randn(1, 8), torch.tensor([7])
    scores = output(features)[0].detach()
    sampler = NoiseSampler(np.arange(1, 41), 0.75)
    loss = SampledSoftmax(output, sampler, negatives=20, rule=LazyAdamW(), seed=1)
    with torch.no_grad():
        sums = [math.exp(loss(features, target).item() + scores[7].item()) for _ in range(600)]
    assert np.mean(sums) == pytest.approx(scores.exp().sum().item(), rel=0.04)


def test_a_sampled_step_moves_the_rows_it_touches_alone():
    vocab = Vocabulary([f"w{i}" for i in range(500)])
    settings = {"boundary": None, "loss": "sampled", "negatives": 5, "batch_size": 3}
    model = NGramLanguageModel(vocab, epochs=1, weight_decay=0.5, lr=0.1, **settings)
    model.fit([["w1", "w2", "w3", "w4", "w5"]])
    plain = Plain(500, 10, 2, 128, seed=1)
    moved = (model.network.embedding.weight != plain.embeddings.weight).any(dim=1)
    assert moved.nonzero().flatten().tolist() == [1, 2, 3, 4]
    moved = (model.network.output.weight != plain.linear2.weight).any(dim=1)
    assert moved[3:6].all()
    assert moved.sum() <= 3 + 5


def test_sampled_training_comes_near_the_full_softmax():
    rng = np.random.default_rng(0)
    follows = rng.integers(0, 200, size=(200, 3))  # three words may follow each
    texts = []
    for _ in range(200):
        word, text = int(rng.integers(200)), []
        for _ in range(12):
            text.append(f"w{word}")
            word = int(follows[word, rng.integers(3)])
        texts.append(text)
    train, test = texts[:170], texts[170:]
    settings = {"context": 1, "dim": 20, "hidden": 32, "epochs": 5, "lr": 0.01, "batch_size": 32}
    full, sampled = (
        NGramLanguageModel(loss=loss, negatives=100, **settings).fit(train)
        for loss in ("softmax", "sampled")
    )
    assert full.perplexity(test) < 20  # 200 words; the source's own is 3 within a text
    assert sampled.perplexity(test) < 1.25 * full.perplexity(test)


def test_early_stopping_keeps_the_best_weights():
    held_out = ["the tree sang on the cat", "a log sat"]
    model = NGramLanguageModel(epochs=60, lr=0.02, patience=2).fit(TEXTS, validation=held_out)
    losses = model.validation_history
    assert len(model.history) == len(losses) < 60
    assert losses.index(min(losses)) == len(losses) - 1 - 2
    assert math.log(model.perplexity(held_out)) == pytest.approx(min(losses), rel=1e-5)


def test_progress_is_told(capsys):
    seen = []
    NGramLanguageModel(epochs=2, progress=seen.append).fit(TEXTS, validation=TEXTS[:1])
    ended = [p for p in seen if p.examples == p.num_examples]
    assert [(p.epoch, p.epochs) for p in ended] == [(1, 2), (2, 2)]
    assert all(p.validation_loss is not None and p.loss > 0 for p in ended)
    NGramLanguageModel(epochs=2, progress=True).fit(TEXTS)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in lines] == [" epoch 1 of 2", " epoch 2 of 2"]


def test_vectors_come_out(small):
    vectors = small.to_vectors()
    assert set(vectors.tokens) == set(" ".join(TEXTS).split())
    np.testing.assert_array_equal(vectors["cat"], small["cat"])
    assert small["cat"].shape == (10,)
    assert "cat" in small
    assert "zebra" not in small
    with pytest.raises(sajeon.UnknownTokenError, match="Near spellings: tree"):
        small["treee"]


def test_a_saved_model_is_the_same(small, tmp_path):
    from safetensors.numpy import load_file

    small.save(tmp_path / "model")
    again = NGramLanguageModel.load(tmp_path / "model")
    np.testing.assert_array_equal(again.log_probs(TEXTS), small.log_probs(TEXTS))
    assert (again.vocab, again.settings, again.history) == (
        small.vocab,
        small.settings,
        small.history,
    )
    assert again.fit(TEXTS, epochs=1).history == small.fit(TEXTS, epochs=1).history
    tensors = load_file(tmp_path / "model" / "model.safetensors")
    assert tensors["output.weight"].shape == (len(small.vocab), 128)
    for name in ("one", "two"):
        again.save(tmp_path / name)
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_folders_of_other_kinds_and_damaged_ones_are_refused(small, tmp_path):
    small.save(tmp_path / "model")
    with pytest.raises(FormatError, match="expected a model of kind 'vectors', got 'ngram'"):
        sajeon.load(tmp_path / "model")
    small.to_vectors().save(tmp_path / "vectors")
    with pytest.raises(FormatError, match="expected a model of kind 'ngram', got 'vectors'"):
        NGramLanguageModel.load(tmp_path / "vectors")
    with pytest.raises(FileNotFoundError):
        NGramLanguageModel.load(tmp_path / "nothing")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    for name, value, message in [
        ("hidden", 10**9, "call for the weights"),
        ("context", -1, "context must be a whole number"),
        ("lr", None, "lr must be a number"),
        ("boundary", "</end>", "lacks the boundary token"),
    ]:
        changed = json.loads(json.dumps(config))
        changed["sajeon"]["training"][name] = value
        path.write_text(json.dumps(changed))
        with pytest.raises(FormatError, match=message):
            NGramLanguageModel.load(tmp_path / "model")
    del config["sajeon"]["training"]["dim"]
    path.write_text(json.dumps(config))
    with pytest.raises(FormatError, match="lacks the setting 'dim'"):
        NGramLanguageModel.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context": 0}, "context must be a whole number of at least 1, got 0"),
        ({"dim": 1.5}, "dim must be a whole number"),
        ({"dropout": 1}, "dropout must be a number from 0 to below 1, got 1"),
        ({"lr": math.nan}, "lr must be a number from 0 to below 1e\\+38, got nan"),
        ({"optimizer": "adam"}, "optimizer must be one of 'adamw', 'sgd', got 'adam'"),
        ({"loss": "hinge"}, "loss must be one of"),
        ({"device": "abacus"}, "device='abacus' cannot be used here"),
        ({"boundary": 3}, "boundary must be a token or None"),
        ({"vocab": Vocabulary(["a"])}, "the vocabulary lacks the boundary token '</s>'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        NGramLanguageModel(**settings)


def test_texts_that_cannot_be_learnt_from_are_refused():
    model = NGramLanguageModel(epochs=1)
    with pytest.raises(TypeError, match=r"write \[text\]"):
        model.fit("the cat sat")
    with pytest.raises(TypeError, match="text 1 must be a str or a list of tokens, got int"):
        model.fit(["the cat", 5])
    with pytest.raises(CorpusError, match="none of 0 texts"):
        model.fit([])
    with pytest.raises(CorpusError, match="min_count=9"):
        NGramLanguageModel(min_count=9).fit(["the cat"])
    with pytest.raises(CorpusError, match="validation must hold"):
        model.fit(TEXTS, validation=[])


def test_numbers_that_diverge_are_named():
    with pytest.raises(TrainingError, match=r"epoch \d.* use a smaller lr than 1e\+06"):
        NGramLanguageModel(lr=1e6, optimizer="sgd", schedule="constant").fit(TEXTS)


def test_a_last_step_into_the_infinite_is_noticed():
    """No later loss would show it."""
    network = nn.Linear(1, 1)
    plan = Plan(1, 8, 1e30, "constant", shuffle=False, seed=1, patience=1)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e30)

    def step(batch):
        return 1e20 * network(torch.ones(len(batch), 1)).mean()

    with pytest.raises(TrainingError, match="weight holds numbers that are not finite in epoch 1"):
        run(network, [optimizer], step, 8, plan, Reporter(False))


def test_asking_before_fit_is_refused(tmp_path):
    model = NGramLanguageModel()
    for ask in (
        lambda: model.perplexity(TEXTS),
        lambda: model.predict_next("the"),
        model.generate,
        lambda: model["the"],
        model.to_vectors,
        lambda: model.save(tmp_path / "m"),
    ):
        with pytest.raises(NotFittedError, match="call fit first"):
            ask()


def test_torchs_default_device_is_used():
    assert NGramLanguageModel().device == torch.get_default_device()
    with torch.device("meta"):
        assert NGramLanguageModel().device.type == "meta"
        assert NGramLanguageModel(device="cpu", epochs=1).fit(TEXTS).device.type == "cpu"

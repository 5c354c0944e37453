"""Softmax and hierarchical softmax: torch, worked values, kernels against twins, bits, refusals."""

import json
import random
from dataclasses import fields, replace

import numpy as np
import pytest
from click.testing import CliRunner

import sajeon
from sajeon.cli import app
from sajeon.kernels.cbow import cbow_reference
from sajeon.kernels.simd import padded
from sajeon.kernels.skipgram import skipgram_reference
from sajeon.learn import predicting
from sajeon.learn.hierarchical import HierarchicalWord2Vec, paths_of
from sajeon.learn.predicting import Predicting
from sajeon.learn.progress import Reporter
from sajeon.learn.reference import run_rounds_reference
from sajeon.learn.schedule import Schedule
from sajeon.learn.softmax import SoftmaxWord2Vec, softmax_reference, softmax_step
from sajeon.learn.trainer import Trainer

MODELS = ["skipgram", "cbow"]
SMALL = {"dim": 8, "min_count": 1, "sample": 0, "tokens": "whitespace", "progress": False}
TOPICS = [["cat", "dog", "cow", "pig"], ["red", "blue", "pink", "grey"]]
TEXT = ["the cat sat on a mat", "a dog lay on the mat", "the dog saw the cat"] * 20


def corpus(num_tokens=2000, num_words=90, seed=1):
    """Ids by falling count, and their counts, some of them 0."""
    rng = np.random.default_rng(seed)
    drawn = rng.zipf(1.4, num_tokens) % (num_words - 10)
    counts = np.bincount(drawn, minlength=num_words)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(num_words, np.int64)
    rank[order] = np.arange(num_words)
    ids, offsets = rank[drawn].astype(np.int32), np.array([0, num_tokens // 3, num_tokens])
    for array in (ids, offsets):
        array.flags.writeable = False  # as in training, so that kernels are compiled once
    return ids, offsets, counts[order]


def objective(kind, model, *, dim=12, per_round=None, **settings):
    made = kind(*corpus(**settings), model=model, dim=dim, window=3, sample=0, seed=1)
    if per_round is not None:
        made.blocks = replace(made.blocks, per_round=per_round)
    return made


def one_window(context, centre, **more):
    """The plan of a block with one centre, its contexts before it."""
    words = np.array([*context, centre])
    low, high = np.zeros((2, len(words)), np.int64)
    high[-1] = len(words)
    return {"words": words, "low": low, "high": high, "noise": np.zeros((1, 0), np.int64), **more}


def random_tables(num_in, num_out, dim=5, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(rows, dim)).astype(np.float32) for rows in (num_in, num_out))


def test_softmax_by_hand():
    """W h = log 1, log 2, log 5: p = 1/8, 2/8, 5/8; the word with p = 1/4 is right."""
    hidden, w_out = np.ones((1, 1), np.float32), np.log([[1.0], [2.0], [5.0]]).astype(np.float32)
    before = w_out.copy()
    loss, d_hidden, p = softmax_step(hidden, w_out, 1, lr=0.5)
    assert loss == pytest.approx(np.log(4))
    np.testing.assert_allclose(p, [[0.125, 0.25, 0.625]], rtol=1e-6)
    expected = 0.125 * np.log(1) - 0.75 * np.log(2) + 0.625 * np.log(5)
    assert d_hidden.item() == pytest.approx(expected)
    np.testing.assert_allclose(before - w_out, [[0.0625], [-0.375], [0.3125]], rtol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_softmax_is_the_cross_entropy_of_torch(model):
    torch = pytest.importorskip("torch")
    w_in, w_out = random_tables(7, 7)
    contexts, centre, lr = [1, 4, 1], 3, 0.1
    t_in, t_out = (torch.tensor(table, requires_grad=True) for table in (w_in, w_out))
    hidden = t_in[contexts] if model == "skipgram" else t_in[contexts].mean(0, keepdim=True)
    loss = torch.nn.functional.cross_entropy(
        hidden @ t_out.T, torch.full((len(hidden),), centre), reduction="sum"
    )
    loss.backward()
    # word2vec gives each context row of CBOW the whole gradient of the mean, not its share.
    factor = 1 if model == "skipgram" else len(contexts)
    expected_in = w_in - lr * factor * t_in.grad.numpy()
    expected_out = w_out - lr * t_out.grad.numpy()
    plan = one_window(contexts, centre)
    found, count, (step,) = softmax_reference(model, plan, w_in, w_out, lr, trace=True)
    assert found == pytest.approx(loss.item(), rel=1e-5)
    assert count == len(hidden)
    np.testing.assert_allclose(w_in, expected_in, atol=1e-5)
    np.testing.assert_allclose(w_out, expected_out, atol=1e-5)
    np.testing.assert_allclose(step["probabilities"].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(step["errors"].sum(axis=1), 0, atol=1e-5)


def test_softmax_of_huge_scores_does_not_overflow():
    hidden, w_out = np.ones((1, 1), np.float32), np.array([[1e4], [-1e4]], np.float32)
    loss, _, p = softmax_step(hidden, w_out, 1, lr=0.0)
    assert loss == 2e4  # the right word is so much less likely
    np.testing.assert_array_equal(p, [[1, 0]])


@pytest.mark.parametrize("counts", [[5, 3, 2, 1, 1], [9, 0, 0, 0, 0], [0, 0], [1] * 33])
def test_probabilities_of_all_words_sum_to_one(counts):
    """By definition: P(word) is the product of its turns; words without counts are leaves too."""
    paths = paths_of(np.array(counts))
    hidden, nodes = random_tables(1, len(counts) - 1, seed=2)
    probabilities = []
    for word in range(len(counts)):
        path, label = paths.of(word)
        scores = nodes[path].astype(np.float64) @ hidden[0]
        probabilities.append(np.prod(1 / (1 + np.exp(np.where(label == 1, -scores, scores)))))
        assert path[0] == 0  # the root
        assert len(set(path)) == len(path) > 0
    assert sum(probabilities) == pytest.approx(1)


def test_frequent_words_have_short_paths():
    counts = np.array([1000, 500, 200, 100, 50, 20, 10, 1])
    assert (np.diff(paths_of(counts).lengths) >= 0).all()
    assert paths_of(counts).lengths[0] == 1


@pytest.mark.parametrize("model", MODELS)
def test_a_path_is_learned_as_torch_would(model):
    """The loss is -log of the product of the turns. Skip-gram takes six nodes at a time."""
    torch = pytest.importorskip("torch")
    length = 6 if model == "skipgram" else 8
    paths, lr = paths_of(2 ** np.arange(length + 1)[::-1]), 0.1
    w_in, nodes = random_tables(length + 1, length)
    context, centre = 2, length
    path, label = paths.of(centre)
    assert len(path) == length
    t_in, t_nodes = (torch.tensor(table, requires_grad=True) for table in (w_in, nodes))
    turns = (t_nodes[path] @ t_in[context]) * torch.tensor(2 * label - 1)
    loss = -torch.log(torch.sigmoid(turns).prod())
    loss.backward()
    expected = [t.detach().numpy() - lr * t.grad.numpy() for t in (t_in, t_nodes)]
    train = skipgram_reference if model == "skipgram" else cbow_reference
    plan = one_window([context], centre, paths=paths)
    found, scores, (step,) = train(plan, w_in, nodes, lr, trace=True)
    assert found == pytest.approx(loss.item(), rel=1e-5)
    assert scores == length
    assert step["targets"].tolist() == path.tolist()
    np.testing.assert_allclose(w_in, expected[0], atol=1e-5)
    np.testing.assert_allclose(nodes, expected[1], atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("per_round", [1, 3])
def test_compiled_paths_agree_with_the_twin(model, per_round):
    made = objective(HierarchicalWord2Vec, model, per_round=per_round)
    trained = Trainer(made, 2000, epochs=2, lr=0.05, lr_end=1e-3, threads=2).run()
    table = np.zeros((2 * 90 - 1, padded(12)), np.float32)
    made.initialise(table)
    table = table[:, :12].copy()
    schedule = Schedule(2000, len(made.blocks), per_round, 2, 0.05, 1e-3)
    rounds = list(run_rounds_reference(made, table, schedule))
    np.testing.assert_allclose(np.concatenate(list(trained.tables.values())), table, atol=1e-5)
    assert trained.pairs == sum(pairs for _, _, pairs in rounds)
    assert trained.loss == pytest.approx(sum(r[1] for r in rounds) / trained.pairs, rel=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_any_number_of_threads_gives_the_same_bits(model):
    tables = []
    for threads in (1, 2, 3, 8):
        made = objective(HierarchicalWord2Vec, model, per_round=8, num_tokens=9000, num_words=900)
        fit = Trainer(made, 9000, epochs=1, lr=0.05, lr_end=1e-3, threads=threads)
        tables.append(np.concatenate(list(fit.run().tables.values())))
    for other in tables[1:]:
        np.testing.assert_array_equal(other, tables[0])


@pytest.mark.parametrize("model", MODELS)
def test_softmax_is_trained_alone_and_learns(model):
    made = objective(SoftmaxWord2Vec, model, num_tokens=600, num_words=30)
    fit = Trainer(made, 600, epochs=3, lr=0.1, lr_end=1e-3, threads=4)
    assert fit.engine.threads == 1
    assert fit.run().loss < np.log(30) - 0.1


@pytest.mark.parametrize(("loss", "table"), [("softmax", "output"), ("hs", "nodes")])
@pytest.mark.parametrize("model", MODELS)
def test_trained_and_saved(model, loss, table, tmp_path):
    draw = random.Random(0)
    lines = [" ".join(draw.choices(TOPICS[i % 2], k=6)) for i in range(120)]
    settings = SMALL | {"epochs": 8, "lr": 0.2, "output": tmp_path / "m"}
    vectors = sajeon.train(lines, model=model, loss=loss, **settings)
    for topic, other in (TOPICS, TOPICS[::-1]):
        within = vectors.similarity(topic[0], topic[1])
        assert within > vectors.similarity(topic[0], other[0]) + 0.5
    settings = json.loads((tmp_path / "m" / "config.json").read_text())["sajeon"]["training"]
    assert settings["loss"] == loss
    assert settings["negatives"] is settings["noise_exponent"] is None
    assert list(vectors.training) == [table]
    assert len(vectors.training[table]) == len(vectors) - (loss == "hs")


def test_what_stands_in_for_a_setting_not_given_is_the_default_of_train():
    own = {f.name: f.default for f in fields(Predicting)}
    for name in ("negatives", "noise_exponent", "subwords", "loss"):
        assert own[name] == sajeon.train.__kwdefaults__[name]


@pytest.mark.parametrize("loss", ["softmax", "hs"])
@pytest.mark.parametrize(
    ("name", "value"), [("negatives", 7), ("noise_exponent", 1.0), ("subwords", "chars:3-4")]
)
def test_settings_of_noise_are_refused(loss, name, value):
    with pytest.raises(ValueError, match=f"^{name} is no setting of loss '{loss}'; got {value!r}"):
        sajeon.train(TEXT, loss=loss, **{name: value}, **SMALL)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match=r"loss must be one of 'negative' .*; got 'hinge'"):
        sajeon.train(TEXT, loss="hinge", **SMALL)


def test_softmax_goes_on_from_a_model(tmp_path):
    first = sajeon.train(TEXT, loss="softmax", **SMALL)
    second = sajeon.train(["a cat and a dog"] * 30, start_from=first, **SMALL)
    assert second.settings["loss"] == "softmax"
    np.testing.assert_array_equal(second["mat"], first["mat"])  # not in the new text
    assert "and" in second


def test_a_tree_is_not_gone_on_from():
    first = sajeon.train(TEXT, loss="hs", **SMALL)
    with pytest.raises(ValueError, match="'hs' cannot be gone on from: its nodes belong to a tree"):
        sajeon.train(TEXT, start_from=first, **SMALL)


def test_a_long_softmax_is_announced(monkeypatch):
    class Listening(Reporter):
        notes = ""

        def note(self, text):
            self.notes += text

    heard = Listening()
    settings = SMALL | {"progress": heard, "loss": "softmax", "epochs": 1}
    sajeon.train(TEXT, **settings)
    assert "softmax scores" not in heard.notes
    monkeypatch.setattr(predicting, "_LONG", 0)
    sajeon.train(TEXT, **settings)
    assert "softmax scores all 9 words at each word of the text" in heard.notes


def test_an_interrupted_softmax_goes_on_to_the_same_bits(tmp_path):
    class Interrupting(Reporter):
        def training(self, progress):
            if 0 < progress.tokens < progress.total_tokens:
                raise KeyboardInterrupt

    settings = SMALL | {"loss": "softmax", "epochs": 12, "output": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        sajeon.train(TEXT, **(settings | {"progress": Interrupting()}))
    resumed = sajeon.train(TEXT, resume=True, **settings)
    whole = sajeon.train(TEXT, **(settings | {"output": None}))
    np.testing.assert_array_equal(resumed.matrix, whole.matrix)


def test_on_the_command_line(tmp_path):
    (tmp_path / "text.txt").write_text("\n".join(TEXT))
    asked = ["train", str(tmp_path / "text.txt"), "--min-count", "1", "--dim", "8"]
    done = CliRunner().invoke(
        app, [*asked, "--loss", "hs", "-o", str(tmp_path / "m")], prog_name="sajeon"
    )
    assert done.exit_code == 0, done.output
    assert sajeon.load(tmp_path / "m").settings["loss"] == "hs"
    refused = CliRunner().invoke(
        app,
        [*asked, "--loss", "hs", "--negatives", "9", "-o", str(tmp_path / "n")],
        prog_name="sajeon",
    )
    assert refused.exit_code != 0
    assert "--negatives is no setting of loss 'hs'" in refused.output
    assert not (tmp_path / "n").exists()

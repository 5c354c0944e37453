"""Each training kernel against its NumPy twin, and both against torch's differentiation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sajeon.kernels import rounds as r
from sajeon.kernels.cbow import cbow_reference
from sajeon.kernels.skipgram import skipgram_reference
from sajeon.kernels.windows import WindowPlan, plan_windows, plan_windows_reference
from sajeon.learn.reference import run_rounds_reference
from sajeon.learn.schedule import Schedule
from sajeon.learn.trainer import Trainer
from sajeon.learn.word2vec import Word2Vec

MODELS = ["skipgram", "cbow"]


class TinyCorpus:
    """Random sentences over few words, so that windows hold repeats and noise hits its target."""

    def __init__(self, seed, num_words=12, lengths=(30, 1, 0, 7, 400, 2, 90)):
        rng = np.random.default_rng(seed)
        self.offsets = np.cumsum([0, *lengths], dtype=np.int64)
        weights = 1 / np.arange(1, num_words + 1)
        self.ids = rng.choice(num_words, self.offsets[-1], p=weights / weights.sum())
        self.ids = self.ids.astype(np.int32)
        self.counts = np.bincount(self.ids, minlength=num_words).astype(np.int64) + 1


def objective(model="skipgram", seed=1, corpus=None, **settings):
    settings = {"dim": 20, "window": 5, "negatives": 5, "sample": 1e-2} | settings
    corpus = TinyCorpus(seed) if corpus is None else corpus
    return Word2Vec(
        corpus.ids, corpus.offsets, corpus.counts,
        model=model, noise_exponent=0.75, seed=seed, **settings,
    )  # fmt: skip


def train_by_the_twin(word2vec, table):
    """Two epochs from 0.05 to 0.001; summed loss and number of scores."""
    blocks = word2vec.blocks
    schedule = Schedule(1, len(blocks), blocks.per_round, epochs=2, lr=0.05, lr_end=1e-3)
    rounds = list(run_rounds_reference(word2vec, table, schedule))
    assert sum(blocks for blocks, _, _ in rounds) == schedule.total_blocks
    return sum(loss for _, loss, _ in rounds), sum(pairs for _, _, pairs in rounds)


def compiled_plan(word2vec, epoch, block):
    """The compiled plan in the twin's terms: words instead of slots."""
    state = word2vec.make_state(1)
    plan = WindowPlan(*(array[0, 0] for array in state.plans))
    rows, visits = np.zeros((2, word2vec.row_capacity), np.int32)
    num_rows = plan_windows(
        word2vec.windows, epoch, block, plan, rows, visits, state.scratch.slot_of[0]
    )
    size, groups, num_inputs = plan.sizes
    num_words = len(word2vec.windows.keep)
    negatives = word2vec.windows.negatives
    noise = plan.noise[: groups * negatives]
    return {
        "words": rows[plan.words[:size]],
        "low": plan.low[:size],
        "high": plan.high[:size],
        "noise": rows[num_inputs + noise].reshape(groups, negatives) - num_words,
        "visits": dict(zip(rows[:num_rows].tolist(), visits[:num_rows].tolist(), strict=True)),
        "num_rows": num_rows,
    }


@given(
    seed=st.integers(0, 2**31),
    window=st.integers(1, 9),
    negatives=st.integers(1, 13),
    sample=st.sampled_from([0, 1e-3, 1e-1]),
    epoch=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_a_compiled_plan_agrees_with_its_twin(seed, window, negatives, sample, epoch):
    word2vec = objective(seed=seed, window=window, negatives=negatives, sample=sample)
    for block in range(len(word2vec.blocks)):
        expected, visits = word2vec.plan_reference(epoch, block)
        found = compiled_plan(word2vec, epoch, block)
        for name in ("words", "noise"):
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
        centres = expected["high"] > expected["low"]
        for name in ("low", "high"):
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
        assert centres.any()
        assert found["visits"] == visits
        assert found["num_rows"] == len(visits)  # every row listed once


def test_a_cut_sequence_loses_no_window():
    """Centres of a line that was cut into blocks see across the cut, with the same draws."""
    corpus = TinyCorpus(3, lengths=(1000,))
    word2vec = objective(corpus=corpus, sample=0)
    assert len(word2vec.blocks) > 5
    pairs = 0
    for block in range(len(word2vec.blocks)):
        plan, _ = word2vec.plan_reference(0, block)
        centres = plan["high"] > plan["low"]
        pairs += int((plan["high"] - plan["low"] - 1)[centres].sum())
        assert centres.sum() == np.diff(word2vec.blocks.starts)[block]
    whole = objective(corpus=corpus, sample=0)
    whole.windows = whole.windows._replace(
        block_starts=np.array([0, 1000]), block_sequences=np.array([0])
    )
    plan = plan_windows_reference(whole.windows, 0, 0)
    assert pairs == int((plan["high"] - plan["low"] - 1).sum())


@pytest.mark.parametrize("model", MODELS)
@given(
    seed=st.integers(0, 2**31),
    dim=st.sampled_from([1, 7, 16, 33, 100]),
    window=st.integers(1, 8),
    negatives=st.integers(1, 13),
)
@settings(max_examples=25, deadline=None)
def test_training_compiled_agrees_with_the_twin(model, seed, dim, window, negatives):
    word2vec = objective(model, seed, dim=dim, window=window, negatives=negatives)
    trainer = Trainer(word2vec, 530, epochs=2, lr=0.05, lr_end=1e-3, threads=1)
    trained = trainer.run()
    table = np.zeros((2 * 12, dim), np.float32)
    word2vec.initialise(table)
    loss, pairs = train_by_the_twin(word2vec, table)
    np.testing.assert_allclose(trained.tables["input"], table[:12], rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(trained.tables["output"], table[12:], rtol=2e-4, atol=2e-5)
    assert trained.pairs == pairs
    assert trained.loss == pytest.approx(loss / pairs, rel=1e-4)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("per_round", [1, 3, 8])
def test_rounds_of_several_blocks_agree_with_the_twin(model, per_round):
    corpus = TinyCorpus(5, num_words=200, lengths=(150,) * 21)
    word2vec = objective(model, corpus=corpus)
    word2vec.blocks = replace(word2vec.blocks, per_round=per_round)
    trainer = Trainer(word2vec, 3150, epochs=2, lr=0.05, lr_end=1e-3, threads=3)
    trained = trainer.run()
    table = np.zeros((400, 20), np.float32)
    word2vec.initialise(table)
    loss, pairs = train_by_the_twin(word2vec, table)
    np.testing.assert_allclose(trained.tables["input"], table[:200], rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(trained.tables["output"], table[200:], rtol=2e-4, atol=2e-5)
    assert trained.pairs == pairs
    assert trained.loss == pytest.approx(loss / pairs, rel=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_any_number_of_threads_gives_the_same_bits(model):
    corpus = TinyCorpus(7, num_words=3000, lengths=(90,) * 1500)
    results = []
    for threads in (1, 2, 3, 8, 2):
        word2vec = objective(model, corpus=corpus, dim=40)
        trainer = Trainer(word2vec, 135_000, epochs=1, lr=0.05, lr_end=1e-3, threads=threads)
        trained = trainer.run()
        results.append([t.tobytes() for t in trained.tables.values()] + [trained.loss])
    assert word2vec.blocks.per_round == 16
    assert all(result == results[0] for result in results)


def window_loss(model, contexts, targets, w_in, w_out):
    """The loss of one centre in torch, from the papers' equations."""
    if model == "skipgram":
        scores = w_in[contexts] @ w_out[targets].T
    else:
        scores = (w_in[contexts].mean(0) @ w_out[targets].T)[None]
    sign = torch.ones(len(targets))
    sign[1:] = -1
    return -torch.nn.functional.logsigmoid(sign * scores).sum()


@pytest.mark.parametrize("model", MODELS)
def test_loss_and_gradient_agree_with_torch(model):
    """One centre, distinct words: the move of each row is -lr times torch's gradient.

    CBOW moves each context row by the whole gradient of the mean, as word2vec does: m times
    torch's, which knows the mean's 1 / m.
    """
    rng = np.random.default_rng(0)
    contexts, targets = np.array([0, 1, 2, 4]), np.array([3, 5, 6, 7])
    plan = {
        "words": np.array([0, 1, 2, 3, 4]),
        "low": np.array([0, 0, 0, 0, 0]),
        "high": np.array([0, 0, 0, 5, 0]),
        "noise": np.array([[5, 6, 7]]),
    }
    w_in, w_out = rng.normal(size=(2, 8, 6))
    tables = torch.tensor(w_in, requires_grad=True), torch.tensor(w_out, requires_grad=True)
    loss = window_loss(model, contexts, targets, *tables)
    loss.backward()
    reference = skipgram_reference if model == "skipgram" else cbow_reference
    moved_in, moved_out = w_in.copy(), w_out.copy()
    lr = 1e-6  # small: the twin moves targets in groups, each seeing the moves of the one before
    found, pairs, steps = reference(plan, moved_in, moved_out, lr, trace=True)
    assert found == pytest.approx(loss.item(), rel=1e-9)
    assert pairs == (16 if model == "skipgram" else 4)
    scale = 1 if model == "skipgram" else len(contexts)
    expected = tables[0].grad.numpy() * scale
    np.testing.assert_allclose((w_in - moved_in) / lr, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        (w_out - moved_out) / lr, tables[1].grad.numpy(), rtol=1e-4, atol=1e-6
    )
    assert len(steps) == 1
    assert steps[0]["centre"] == 3
    np.testing.assert_array_equal(steps[0]["targets"], targets)


@given(
    a=st.floats(0, 2000),
    blocks=st.integers(1, 64),
)
@settings(max_examples=200, deadline=None)
def test_merge_factors_agree_with_the_formula(a, blocks):
    visits = 7
    strength = a / (0.025 * visits)
    found = r.merge_factor(r.CONTRACTION, strength, 0.025, blocks, visits)
    expected = r.merge_factor_reference(r.CONTRACTION, strength, 0.025, blocks, visits)
    assert found == pytest.approx(expected, rel=2e-4)
    assert 1 / blocks - 1e-3 <= found <= 1 + 1e-9


@given(num_blocks=st.integers(1, 200), per_round=st.integers(1, 16))
@settings(max_examples=50, deadline=None)
def test_every_block_comes_once_an_epoch(num_blocks, per_round):
    order = [r.block_at(i, num_blocks, per_round) for i in range(num_blocks)]
    assert sorted(order) == list(range(num_blocks))
    assert order == [r.block_at_reference(i, num_blocks, per_round) for i in range(num_blocks)]


@pytest.mark.parametrize(("model", "lr"), [("skipgram", 0.025), ("cbow", 0.05), ("cbow", 0.2)])
def test_blocks_side_by_side_learn_what_they_learn_one_by_one(model, lr):
    """Few words, so that all blocks of a round move the same rows: plain sums of moves diverge."""
    rng = np.random.default_rng(0)
    num_words, num_tokens = 2100, 400_000
    topic = np.repeat(rng.integers(0, num_words // 10, num_tokens // 10), 10)
    common = np.minimum((rng.pareto(1.0, num_tokens) * 5).astype(int), num_words - 1)
    of_topic = topic * 10 + rng.integers(0, 10, num_tokens)
    ids = np.where(rng.random(num_tokens) < 0.5, of_topic, common).astype(np.int32)
    counts = np.bincount(ids, minlength=num_words).astype(np.int64) + 1
    losses = []
    for per_round in (1, 16):
        word2vec = Word2Vec(
            ids, np.arange(0, num_tokens + 1, 20), counts, model=model, dim=32, window=5,
            negatives=5, sample=0, noise_exponent=0.75, seed=1,
        )  # fmt: skip
        word2vec.blocks = replace(word2vec.blocks, per_round=per_round)
        trainer = Trainer(word2vec, num_tokens, epochs=3, lr=lr, lr_end=lr / 250, threads=2)
        losses.append(trainer.run().loss)
    assert losses[1] < 1.1 * losses[0]

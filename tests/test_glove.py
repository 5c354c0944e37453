"""GloVe against twins in float64, torch and itself: threads, interruption, the command line."""

import dataclasses
import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import sajeon
from sajeon.cli import app
from sajeon.kernels import glove as kernel
from sajeon.learn import cells as dealing
from sajeon.learn import spill, trainer
from sajeon.learn.cells import make_cells, num_strata, strata_of
from sajeon.learn.cooccurrence import UNIT, cooccurrences
from sajeon.learn.glove import GloveObjective
from sajeon.learn.reference import run_rounds_reference
from sajeon.learn.schedule import Schedule
from sajeon.learn.trainer import Trainer


def zipf_lines(seed, num_words, lines, length=20):
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, num_words + 1)
    words = rng.choice(num_words, (lines, length), p=weights / weights.sum())
    return [[f"w{word}" for word in line] for line in words]


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    from sajeon.corpus import build_corpus
    from sajeon.tokens import make_tokenizer

    corpus = build_corpus(
        zipf_lines(1, 400, 300), make_tokenizer("words"), min_count=1,
        directory=tmp_path_factory.mktemp("corpus"),
    )  # fmt: skip
    return cooccurrences(corpus, window=3, decay="harmonic", sample=0, seed=1, threads=1)


def cells_of(counts, threads=1, **options):
    return make_cells(
        counts, **({"x_max": 2.0, "alpha": 0.75, "seed": 1} | options), threads=threads
    )


def objective(counts, dim=20, seed=1, parts=None, threads=1):
    cells = cells_of(counts, threads)
    if parts is not None:
        cells = cells._replace(parts=parts)
    return GloveObjective(cells, counts.num_words, dim=dim, seed=seed)


def test_every_entry_is_in_one_block_with_its_logarithm_and_weight(counts):
    cells = cells_of(counts)
    strata = len(cells.begins)
    assert strata > 2
    stratum = strata_of(np.diff(counts.begins), strata, 1)
    cells = cells._replace(parts=3)
    seen = {}
    for block in range(strata * strata * 3):
        plan = kernel.planned(cells, block)
        places = plan["places"]
        assert len(set(map(tuple, stratum[places].tolist()))) <= 1  # of one cell
        for place, target in zip(places.tolist(), plan["targets"].tolist(), strict=True):
            assert tuple(place) not in seen
            seen[tuple(place)] = target
    assert len(seen) == len(counts)
    for row in range(counts.num_words):
        for e in range(counts.begins[row], counts.begins[row + 1]):
            x = counts.values[e] / UNIT
            log_x, weight = seen[row, counts.columns[e]]
            assert log_x == pytest.approx(np.log(x), rel=1e-6, abs=1e-7)
            assert weight == pytest.approx(min(1, (x / 2) ** 0.75), rel=1e-6)


def test_blocks_of_a_round_share_no_row(counts):
    blocks = objective(counts, parts=2).blocks
    cells = cells_of(counts)._replace(parts=2)
    strata = blocks.per_round
    height = len(blocks) // strata
    for r in range(height):
        plans = [kernel.planned(cells, i * height + r)["places"] for i in range(strata)]
        for one, other in itertools.combinations(plans, 2):
            assert not set(one[:, 0]) & set(other[:, 0])
            assert not set(one[:, 1]) & set(other[:, 1])


def test_strata_hold_about_as_much(counts):
    sizes = np.diff(counts.begins)
    held = np.bincount(strata_of(sizes, 4, 1), sizes)
    assert held.max() < 1.2 * held.min()
    assert not np.array_equal(strata_of(sizes, 4, 1), strata_of(sizes, 4, 2))


def test_cells_are_the_same_without_numba_and_with_any_threads(counts, monkeypatch):
    found = [cells_of(counts, threads) for threads in (1, 8)]
    monkeypatch.setattr(dealing, "HAVE_NUMBA", False)
    for cells in (found[1], cells_of(counts)):
        np.testing.assert_array_equal(cells.places, found[0].places)
        np.testing.assert_array_equal(cells.begins, found[0].begins)
        np.testing.assert_allclose(cells.targets, found[0].targets, rtol=1e-6, atol=1e-7)


def test_dealing_holds_no_share_of_the_entries_in_memory(counts, monkeypatch):
    """Mapped files are not memory that was asked for, so `tracemalloc` does not see them."""
    monkeypatch.setattr(dealing, "_ENTRIES_PER_CELL", 100)
    monkeypatch.setattr(spill, "_ROWS_AT_ONCE", 64)
    cells_of(counts, 1)  # compiled
    tracemalloc.start()
    cells = cells_of(counts, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(cells.begins) > 4
    assert peak < dealing.CELL_BYTES * len(counts) / 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_disk_that_is_full_when_entries_are_dealt_is_told(counts, monkeypatch):
    monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda: Path("/dev/full").open("r+b", 0))  # noqa: SIM115
    with pytest.raises(OSError, match="no space for the entries to train on the disk of"):
        cells_of(counts)


def test_a_small_text_has_one_stratum():
    assert num_strata(60, 1000) == 1
    assert num_strata(100_000, 10**7) == dealing.MAX_STRATA


def adagrad(places, targets, vectors, biases, lr):
    """GloVe from the paper's equations, in float64: an entry after another."""
    w, c = vectors
    b, bc = biases
    g = [np.ones_like(a) for a in (w, c, b, bc)]
    for (i, j), (log_x, weight) in zip(places, targets.astype(np.float64), strict=True):
        error = weight * (w[i] @ c[j] + b[i] + bc[j] - log_x)
        grads = [error * c[j], error * w[i], error, error]
        for array, sums, at, grad in zip((w, c, b, bc), g, (i, j, i, j), grads, strict=True):
            array[at] -= lr * grad / np.sqrt(sums[at])
            sums[at] += (kernel.ACCUMULATION * grad) ** 2


def order_of_training(objective, epochs):
    """The entries, as one thread meets them."""
    blocks = objective.blocks
    height = len(blocks) // blocks.per_round
    plans = [
        kernel.planned(objective.cells, i * height + r)
        for _ in range(epochs) for r in range(height) for i in range(blocks.per_round)
    ]  # fmt: skip
    return (np.concatenate([plan[name] for plan in plans]) for name in ("places", "targets"))


@pytest.mark.parametrize("dim", [1, 15, 16, 33])
def test_training_is_the_loop_of_the_paper(counts, dim):
    glove = objective(counts, dim, parts=2)
    trained = Trainer(glove, 1, epochs=2, lr=0.05, lr_end=0.05, threads=2).run()
    first = np.zeros((4 * counts.num_words, dim + 1), np.float32)
    glove.initialise(first)
    words, contexts = np.split(first.astype(np.float64), 4)[:2]
    places, targets = order_of_training(glove, 2)
    vectors, biases = (words[:, :-1], contexts[:, :-1]), (words[:, -1], contexts[:, -1])
    adagrad(places, targets, vectors, biases, 0.05)
    np.testing.assert_allclose(trained.tables["words"], words, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(trained.tables["contexts"], contexts, rtol=1e-4, atol=1e-5)
    assert np.abs(words - first[: counts.num_words]).max() > 0.1


def test_rounds_agree_with_the_twin(counts):
    glove = objective(counts, parts=2)
    trained = Trainer(glove, 1, epochs=2, lr=0.05, lr_end=0.05, threads=3).run()
    table = np.zeros((4 * counts.num_words, 21), np.float32)
    glove.initialise(table)
    schedule = Schedule(1, len(glove.blocks), glove.blocks.per_round, 2, 0.05, 0.05)
    rounds = list(run_rounds_reference(glove, table, schedule))
    np.testing.assert_allclose(
        np.concatenate(list(trained.tables.values())), table, rtol=1e-4, atol=1e-5
    )
    assert trained.pairs == sum(pairs for *_, pairs in rounds) == 2 * len(counts)
    assert trained.loss == pytest.approx(sum(r[1] for r in rounds) / trained.pairs, rel=1e-4)


@given(seed=st.integers(0, 2**31), weight=st.floats(0.01, 1), log_x=st.floats(-5, 10))
@settings(max_examples=20)
def test_a_step_goes_down_the_gradient_of_the_loss(seed, weight, log_x):
    rng = np.random.default_rng(seed)
    table = rng.normal(0, 0.3, (4, 8)).astype(np.float32)
    table[2:] = 1
    w, c = (torch.tensor(row, dtype=torch.float64, requires_grad=True) for row in table[:2])
    error = w[:-1] @ c[:-1] + w[-1] + c[-1] - log_x
    loss = weight * error**2 / 2
    loss.backward()
    before = table.copy()
    places, targets = np.zeros((1, 2), np.int32), np.array([[log_x, weight]])
    found, _ = kernel.glove_reference(places, targets, table, 0.1)
    assert found == pytest.approx(loss.item(), rel=1e-5)
    for row, tensor in ((0, w), (1, c)):
        np.testing.assert_allclose(
            before[row] - table[row], 0.1 * tensor.grad, rtol=1e-3, atol=1e-6
        )


def test_any_number_of_threads_gives_the_same_bits(counts):
    results = []
    for threads in (1, 2, 3, 8):
        glove = objective(counts, parts=2, threads=threads)
        trained = Trainer(glove, 1, epochs=3, lr=0.05, lr_end=0.05, threads=threads).run()
        results.append([table.tobytes() for table in trained.tables.values()])
        assert trained.per_round > 2
    assert all(result == results[0] for result in results)


def test_large_sums_of_squares_are_no_divergence(counts):
    class Late(GloveObjective):
        def initialise(self, table):
            super().initialise(table)
            table[2 * self.num_words :, : self.dim] = 1e5  # as after many steps

    glove = Late(cells_of(counts), counts.num_words, dim=4, seed=1)
    trained = Trainer(glove, 1, epochs=1, lr=0.05, lr_end=0.05, threads=1).run()
    assert trained.tables["word_sums"].min() >= 1e5
    glove = GloveObjective(cells_of(counts), counts.num_words, dim=4, seed=1)
    glove.initialise = lambda table: table.fill(1e5)
    with pytest.raises(sajeon.errors.TrainingError, match="at most 10000 was expected"):
        Trainer(glove, 1, epochs=1, lr=1e-9, lr_end=1e-9, threads=1).run()


SETTINGS = {"model": "glove", "dim": 12, "min_count": 1, "epochs": 40, "seed": 3}


class Interrupt(sajeon.learn.progress.Reporter):
    def training(self, progress):
        if progress.tokens >= 0.3 * progress.total_tokens:
            raise KeyboardInterrupt


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "_POLL_SECONDS", 0.001)
    text = [" ".join(line) for line in zipf_lines(2, 800, 2000)]
    expected = sajeon.train(text, **SETTINGS)
    options = {"output": tmp_path / "m", "checkpoint_every": 1000.0}
    with pytest.raises(KeyboardInterrupt):
        sajeon.train(text, **SETTINGS, **options, progress=Interrupt())
    found = sajeon.train(text, **SETTINGS, **options, resume=True, threads=1)
    assert found.matrix.tobytes() == expected.matrix.tobytes()
    tables = {f"glove.{name}" for name in ("words", "contexts", "word_sums", "context_sums")}
    assert set(found.training) == tables
    both = found.training["glove.words"][:, :-1] + found.training["glove.contexts"][:, :-1]
    np.testing.assert_array_equal(both, found.matrix)


def test_words_of_one_company_are_neighbours(tmp_path, text_file):
    """Two groups of words that never meet: neighbours are of one's own group."""
    rng = np.random.default_rng(1)
    lines = [" ".join(f"{group}{n}" for n in rng.integers(0, 30, 12)) for group in "ab" * 400]
    path = text_file("\n".join(lines))
    model = tmp_path / "m"
    options = [
        "--model",
        "glove",
        "--dim",
        "8",
        "--min-count",
        "1",
        "--sample",
        "0",
        "--epochs",
        "9",
    ]
    result = CliRunner().invoke(
        app, ["train", str(path), "-o", str(model), *options, "--x-max", "5"]
    )
    assert result.exit_code == 0, result.output
    vectors = sajeon.load(model)
    assert vectors.settings["x_max"] == 5
    near = CliRunner().invoke(app, ["nearest", str(model), "a7", "-k", "10"]).output.split()[::2]
    assert len(near) == 10
    assert all(word.startswith("a") for word in near)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"x_max": 0}, "x_max must be above 0"),
        ({"alpha": -1}, "alpha must be from 0"),
        ({"lr": 0}, "lr must be above 0"),
        ({"epochs": 0}, "epochs must be a whole number"),
        ({"negatives": 7}, "negatives is no setting of model 'glove'"),
        ({"noise_exponent": 0.5}, "noise_exponent is no setting of model 'glove'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        sajeon.train(["a b"], model="glove", **given)


def test_without_numba_it_learns_as_well(monkeypatch):
    from sajeon.learn import cooccurrence, glove

    text = [" ".join(line) for line in zipf_lines(2, 30, 40)]
    few = SETTINGS | {"epochs": 2, "sample": 0}
    expected = sajeon.train(text, **few)
    for module in (cooccurrence, dealing, glove, trainer):
        monkeypatch.setattr(module, "HAVE_NUMBA", False)
    np.testing.assert_allclose(
        sajeon.train(text, **few).matrix, expected.matrix, rtol=1e-3, atol=1e-5
    )


def test_settings_are_written_down(counts):
    vectors = sajeon.train([" ".join(line) for line in zipf_lines(2, 30, 40)], **SETTINGS)
    names = {f.name for f in dataclasses.fields(sajeon.learn.glove.Glove)}
    assert names < set(vectors.settings)

"""Noise, its alias table, the loss of negative sampling and the thinning of frequent tokens."""

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sajeon.sampling import NoiseSampler, build_alias, keep_probability, negative_sampling_loss

SLOT = 2**32
NOTE_004 = [0.5, 0.1, 0.05, 0.2, 0.05, 0.1]

counts_lists = st.lists(st.integers(0, 10**6) | st.integers(0, 3), min_size=1, max_size=40).filter(
    any
)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def vose(weights):
    """The loop of Vose 1991 over whole units: what each word gets of the n slots."""
    alias, threshold = list(range(len(weights))), list(weights)
    small = [i for i, w in enumerate(weights) if w < SLOT]
    large = [i for i, w in enumerate(weights) if w >= SLOT]
    while small and large:
        low, high = small.pop(), large.pop()
        alias[low] = high
        threshold[high] -= SLOT - threshold[low]
        (small if threshold[high] < SLOT else large).append(high)
    return threshold, alias


def units(threshold, alias):
    """What each word holds of a table, in whole units."""
    held = [0] * len(alias)
    for slot, (own, other) in enumerate(zip(threshold, alias, strict=True)):
        kept = SLOT if other == slot else int(own)
        held[slot] += kept
        held[other] += SLOT - kept
    return held


def chi_square_p(ids, probabilities):
    """p-value of a goodness-of-fit test; words of small expectation are put together."""
    stats = pytest.importorskip("scipy.stats")
    seen = np.bincount(ids.ravel(), minlength=len(probabilities)).astype(float)
    expected = probabilities * ids.size
    assert not seen[expected == 0].any()
    large = expected >= 20
    rare = [seen[~large].sum()], [expected[~large].sum()]
    if rare[1][0] > 0:
        seen, expected = np.append(seen[large], rare[0]), np.append(expected[large], rare[1])
    else:
        seen, expected = seen[large], expected[large]
    return stats.chisquare(seen, expected * seen.sum() / expected.sum()).pvalue


def test_note_004_probabilities_to_the_power_of_three_quarters():
    sampler = NoiseSampler(NOTE_004, power=0.75)
    np.testing.assert_allclose(
        sampler.probabilities, [0.4070, 0.1217, 0.0724, 0.2047, 0.0724, 0.1217], atol=5e-5
    )
    assert sampler.probabilities.sum() == pytest.approx(1.0)


@given(counts_lists, st.sampled_from([0.75, 0.0, 1.0, 0.5, -0.5]))
def test_probabilities_are_the_formula(counts, power):
    expected = np.array([float(c) ** power if c else 0.0 for c in counts])
    np.testing.assert_allclose(
        NoiseSampler(counts, power).probabilities, expected / expected.sum(), rtol=1e-12
    )


@given(counts_lists)
def test_the_alias_table_holds_exactly_the_rounded_probabilities(counts):
    shares = np.array(counts) / np.sum(counts)
    held = units(*build_alias(shares))
    assert sum(held) == len(counts) * SLOT
    for share, got in zip(shares, held, strict=True):
        assert abs(got - share * len(counts) * SLOT) <= len(counts)
        assert (got == 0) == (share == 0)
    assert units(*vose(held)) == held  # and so does the table that the published loop makes


def test_a_word_that_occurs_can_always_be_drawn():
    held = units(*build_alias([1.0, 1e-15, 0.0]))
    assert held == [3 * SLOT - 1, 1, 0]


def test_alias_arrays_have_the_types_the_kernels_read():
    threshold, alias = build_alias([0.2, 0.8, 0.0])
    assert (threshold.dtype, alias.dtype) == (np.uint32, np.int32)
    assert alias.tolist()[1] == 1  # the last to give is full


@pytest.mark.parametrize("size", [1, 2, 50, 5000])
def test_draws_fit_the_probabilities(size):
    counts = np.random.default_rng(0).zipf(1.3, size=size)
    sampler = NoiseSampler(counts, seed=5)
    ids = sampler.sample(400_000)
    assert ids.dtype == np.int64
    if size > 1:
        assert chi_square_p(ids, sampler.probabilities) > 1e-4
    else:
        assert not ids.any()


def test_draws_are_independent_of_each_other():
    sampler = NoiseSampler(NOTE_004)
    pairs = sampler.sample((200_000, 2))
    joint = np.outer(sampler.probabilities, sampler.probabilities).ravel()
    assert chi_square_p(pairs[:, 0] * 6 + pairs[:, 1], joint) > 1e-4


def test_words_without_a_count_are_never_drawn():
    sampler = NoiseSampler([0, 5, 0, 1, 0], power=0.0)
    ids = sampler.sample(20_000)
    assert set(ids.tolist()) == {1, 3}
    assert sampler.probabilities.tolist() == [0.0, 0.5, 0.0, 0.5, 0.0]


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_target_is_never_drawn(seed, negatives):
    sampler = NoiseSampler(NOTE_004)
    targets = np.random.default_rng(seed).integers(6, size=30)
    ids = sampler.sample((30, negatives), target=targets[:, None], seed=seed)
    assert ids.shape == (30, negatives)
    assert not (ids == targets[:, None]).any()


@pytest.mark.parametrize("target", [0, 2])
def test_without_the_target_the_others_keep_their_proportions(target):
    sampler = NoiseSampler(NOTE_004)
    others = sampler.probabilities.copy()
    others[target] = 0.0
    ids = sampler.sample(200_000, target=target)
    assert chi_square_p(ids, others / others.sum()) > 1e-4


def test_a_target_of_nearly_all_probability_costs_no_endless_redraws():
    sampler = NoiseSampler([10**15, 3, 1], power=1.0)
    start = time.process_time()
    ids = sampler.sample(100_000, target=0)
    assert time.process_time() - start < 5.0  # redraws alone would need 10**14 rounds
    assert chi_square_p(ids, np.array([0.0, 0.75, 0.25])) > 1e-4


def test_the_seed_and_the_order_of_the_calls_decide():
    first, second = NoiseSampler(NOTE_004, seed=3), NoiseSampler(NOTE_004, seed=3)
    a, b = first.sample(1000), first.sample(1000)
    np.testing.assert_array_equal(a, second.sample(1000))
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(first.sample(9, seed=8), second.sample(9, seed=8))
    rng = np.random.default_rng(8)
    np.testing.assert_array_equal(first.sample(9, seed=rng), second.sample(9, seed=8))
    assert not np.array_equal(first.sample(99, seed=rng), second.sample(99, seed=8))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: NoiseSampler([7]).sample(1, target=0), ValueError, "at least two words"),
        (lambda: NoiseSampler([0, 7]).sample(1, target=1), ValueError, "other than the target 1"),
        (lambda: NoiseSampler([1, 7]).sample(1, target=2), IndexError, "target.*0 to 1, got 2"),
        (lambda: NoiseSampler([1, 7]).sample(1, target=0.0), TypeError, "target must be integers"),
        (lambda: NoiseSampler([]), ValueError, "at least one count must be above 0"),
        (lambda: NoiseSampler([0, 0]), ValueError, "got 2 counts, all 0"),
        (lambda: NoiseSampler([3, -1]), ValueError, "got -1 for word 1"),
        (lambda: NoiseSampler([3, np.nan]), ValueError, "got nan for word 1"),
        (lambda: NoiseSampler([3, np.inf]), ValueError, "got inf for word 1"),
        (lambda: NoiseSampler([[3]]), ValueError, r"shape \(1, 1\)"),
        (lambda: NoiseSampler(["a"]), ValueError, "one number a word"),
        (lambda: NoiseSampler([1, 2], power=np.inf), ValueError, "power must be a number"),
        (lambda: negative_sampling_loss([1.0], [[1]]), ValueError, r"\(1,\) and \(1, 1\)"),
        (lambda: negative_sampling_loss([1.0], [2]), ValueError, r"0 or 1, got \[2\]"),
        (lambda: negative_sampling_loss([1.0], [0.5]), ValueError, r"0 or 1, got \[0.5\]"),
        (lambda: keep_probability([1], -1e-3), ValueError, "sample must be 0 or a small share"),
        (lambda: keep_probability([1], np.nan), ValueError, "sample must be"),
        (lambda: keep_probability([2, -1], 1e-3), ValueError, "got -1 for word 1"),
    ],
)
def test_what_cannot_be_drawn_from_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


scores_and_labels = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    elements=st.floats(-30, 30),
).flatmap(
    lambda s: st.tuples(st.just(s), hnp.arrays(np.int64, s.shape, elements=st.integers(0, 1)))
)


@given(scores_and_labels)
def test_loss_and_gradient_agree_with_automatic_differentiation(torch, problem):
    scores, labels = problem
    s = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    t = torch.tensor(labels, dtype=torch.float64)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(s, t, reduction="sum")
    expected.backward()
    loss, d_scores = negative_sampling_loss(scores, labels)
    # torch loses digits of a small loss: 3e-16 off where the loss is 1.17e-8.
    assert loss == pytest.approx(expected.item(), rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(d_scores, s.grad.numpy(), rtol=1e-9, atol=2e-16)


@given(scores_and_labels)
def test_loss_and_gradient_are_the_formulas_of_note_004(problem):
    scores, t = problem
    scores = scores / 3  # where the formulas as written lose nothing to rounding
    y = 1.0 / (1.0 + np.exp(-scores))
    loss, d_scores = negative_sampling_loss(scores, t)
    expected = -(t * np.log(y) + (1 - t) * np.log(1 - y)).sum()
    assert loss == pytest.approx(expected, rel=1e-9, abs=1e-12)
    np.testing.assert_allclose(d_scores, y - t, atol=1e-12)


def test_no_score_is_too_large():
    large = np.array([800.0, 1e308, np.inf])
    assert negative_sampling_loss(large, [1, 1, 1])[0] == 0.0
    assert negative_sampling_loss(-large, [0, 0, 0])[0] == 0.0
    assert negative_sampling_loss(large, [0, 0, 0])[0] == np.inf
    assert negative_sampling_loss(-large, [1, 1, 1])[1].tolist() == [-1.0, -1.0, -1.0]
    loss, d_scores = negative_sampling_loss([800.0, -800.0], [0, 1])
    assert loss == 1600.0
    assert d_scores.tolist() == [1.0, -1.0]
    loss, d_scores = negative_sampling_loss([60.0], [1])  # y - t would be 0
    assert d_scores[0] == pytest.approx(-np.exp(-60.0), rel=1e-12)
    assert loss == pytest.approx(np.exp(-60.0), rel=1e-12)


def test_the_gradient_has_the_float_type_of_the_scores():
    for dtype in (np.float16, np.float32, np.float64):
        assert negative_sampling_loss(np.ones(2, dtype), [1, 0])[1].dtype == dtype
    assert negative_sampling_loss([3, 1], [True, False])[1].dtype == np.float64
    assert negative_sampling_loss([], [])[0] == 0.0


def test_keep_probability_is_gensims():
    word2vec = pytest.importorskip("gensim.models.word2vec")
    counts = {"the": 6000, "of": 3000, "cat": 300, "rare": 5}
    model = word2vec.Word2Vec(sample=1e-2, min_count=1)
    model.build_vocab_from_freq(counts)
    keep = keep_probability(list(counts.values()), 1e-2)
    for token, p in zip(counts, keep, strict=True):
        sample_int = int(model.wv.get_vecattr(token, "sample_int"))
        assert sample_int / (2**32 - 1) == pytest.approx(p, abs=1e-8)
    assert keep[0] < keep[1] < keep[2] <= keep[3] == 1.0


@given(counts_lists, st.floats(1e-6, 1.0))
def test_keep_probability_is_the_formula(counts, sample):
    keep = keep_probability(counts, sample)
    for count, p in zip(counts, keep, strict=True):
        if count == 0:
            assert p == 1.0
        else:
            f = count / sum(counts)
            assert p == pytest.approx(min(1.0, (sample / f) ** 0.5 + sample / f), rel=1e-12)


@pytest.mark.parametrize("sample", [0, 0.0, None])
def test_without_a_sample_everything_is_kept(sample):
    assert keep_probability([5, 1, 0], sample).tolist() == [1.0, 1.0, 1.0]
    assert keep_probability([], 1e-3).shape == (0,)


def test_a_table_of_three_million_words_takes_seconds():
    counts = 1e9 / np.arange(1, 3_000_001)
    start = time.process_time()
    sampler = NoiseSampler(counts)
    assert time.process_time() - start < 10  # measured: below 1
    ids = sampler.sample(200_000)
    assert chi_square_p(ids, sampler.probabilities) > 1e-4


def test_drawing_needs_no_numba():
    code = (
        "import sys; from sajeon.sampling import NoiseSampler; NoiseSampler(range(9999)).sample(9);"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})

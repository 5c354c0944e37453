"""Comparison of models: tests against scipy and by hand, overlap against single queries."""

import itertools

import numpy as np
import pytest
from scipy import stats

import sajeon
from sajeon.errors import EvaluationError, FormatError
from sajeon.evaluate.correlation import mean_ranks
from sajeon.evaluate.paired import _difference, differences, holm, p_of_answers, p_of_correlations
from sajeon.vectors import Vectors

NUM = 120
WORDS = [f"w{i}" for i in range(NUM)]


def model_of(noise, words=WORDS, seed=0, **more):
    """Vectors that are the more alike to those of other calls, the less noise there is."""
    base = dict(zip(WORDS, np.random.default_rng(7).normal(size=(NUM, 6)), strict=True))
    rng = np.random.default_rng(seed)
    rows = [base.get(word, np.ones(6)) + noise * rng.normal(size=6) for word in words]
    return Vectors(words, np.array(rows, np.float32), **more)


@pytest.fixture
def pairs(tmp_path):
    """Pairs scored by the vectors without noise."""
    truth, rng = model_of(0), np.random.default_rng(1)
    lines = []
    for _ in range(150):
        a, b = rng.choice(WORDS, 2, replace=False)
        lines.append(f"{a}\t{b}\t{truth.similarity(a, b) + 0.2 * rng.normal():.3f}\n")
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(lines))
    return path


@pytest.fixture
def questions(tmp_path):
    truth, rng = model_of(0), np.random.default_rng(2)
    lines = [": made"]
    for _ in range(400):
        a, b, c = rng.choice(WORDS, 3, replace=False)
        lines.append(f"{a} {b} {c} {truth.analogy(a, b, c, k=1)[0][0]}")
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(lines))
    return path


# --- tests of significance -----------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other", "both"), [(0, 0, 5), (3, 9, 2), (9, 3, 0), (40, 900, 7)])
def test_answers_are_tested_as_by_the_binomial_distribution(one, other, both):
    a = np.repeat([True, False, True, False], [one, other, both, 4])
    b = np.repeat([False, True, True, False], [one, other, both, 4])
    expected = stats.binomtest(one, one + other).pvalue if one + other else 1
    assert p_of_answers(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(2))
def test_correlations_are_tested_as_by_all_swaps_one_by_one(seed):
    rng = np.random.default_rng(seed)
    human = rng.integers(5, size=9).astype(float)
    a, b = human + rng.normal(size=9), np.round(human + 2 * rng.normal(size=9))
    x, y = mean_ranks(a), mean_ranks(b)

    def difference(swap):
        one, other = np.where(swap, y, x), np.where(swap, x, y)
        h = mean_ranks(human)
        return stats.pearsonr(one, h).statistic - stats.pearsonr(other, h).statistic

    swaps = np.array(list(itertools.product([False, True], repeat=9)))
    all_differences = np.array([difference(swap) for swap in swaps])
    x0, y0, h0 = x - 5, y - 5, mean_ranks(human) - 5  # ranks of nine items have the mean 5
    moved = swaps @ np.stack([(y0 - x0) * h0, y0 - x0, y0**2 - x0**2], axis=1)
    np.testing.assert_allclose(_difference(x0, y0, h0, moved), all_differences, atol=1e-12)
    observed = abs(stats.spearmanr(a, human).statistic - stats.spearmanr(b, human).statistic)
    exact = np.mean(abs(all_differences) >= observed - 1e-9)
    assert p_of_correlations(a, b, human) == pytest.approx(exact, abs=0.02)


def test_chance_is_called_chance():
    """Of models that are equally good, one in twenty differs with p below 0.05."""
    rng = np.random.default_rng(0)
    p = []
    for _ in range(80):
        human = rng.normal(size=60)
        p.append(p_of_correlations(*(human + rng.normal(size=(2, 60))), human))
    assert 0.25 < np.mean(np.array(p) < 0.5) < 0.75
    assert np.mean(np.array(p) < 0.05) < 0.12


def test_equal_cosines_differ_by_nothing():
    x = np.random.default_rng(0).normal(size=20)
    assert p_of_correlations(x, 3 * x, np.arange(20.0)) == 1


def test_holm_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1, 1])
    assert differences([], ["a", "b"], []) == ()


# --- models side by side -------------------------------------------------------------------------


def test_scores_of_models_with_the_same_words_are_those_alone(pairs, questions):
    models = [model_of(0.3, seed=1), model_of(2, seed=2)]
    found = sajeon.compare(models, [pairs, questions])
    assert found.models == ("model 1", "model 2")
    assert (found.common, found.failed, found.notices) == (NUM, (), ())
    similar, analogous = found.files
    for i, model in enumerate(models):
        alone = sajeon.evaluate.similarity(model, pairs)
        assert similar.scores[i].score == pytest.approx(alone.spearman, abs=1e-12)
        assert similar.scores[i].interval == pytest.approx(alone.spearman_interval, abs=1e-12)
        alone = sajeon.evaluate.analogies(model, questions)
        assert analogous.scores[i].score == alone.accuracy
        assert analogous.scores[i].interval == alone.accuracy_interval
    assert (similar.measure, similar.used, similar.lost) == ("spearman", 150, 0)
    assert (analogous.measure, analogous.used) == ("3CosAdd", 400)
    assert found == sajeon.compare(models, [pairs, questions])


def test_a_difference_beyond_chance_is_told_from_one_within(pairs):
    models = {
        "good": model_of(0.2, seed=1),
        "equal": model_of(0.2, seed=3),
        "bad": model_of(4, seed=2),
    }
    found = sajeon.compare(list(models.values()), [pairs], names=list(models))
    by_pair = {(one.a, one.b): one for one in found.differences}
    assert not by_pair["good", "equal"].beyond_chance
    worse = by_pair["good", "bad"]
    assert worse.beyond_chance
    assert worse.interval.low > 0
    scores = {one.model: one.score for one in found.files[0].scores}
    assert worse.difference == pytest.approx(scores["good"] - scores["bad"])
    assert worse.p <= worse.p_holm <= 3 * worse.p
    low, high = by_pair["good", "equal"].interval
    assert low < 0 < high


def test_only_what_all_models_know_is_asked(pairs, questions):
    few = model_of(0.1, words=WORDS[:60], seed=1)
    more = model_of(0.1, words=[*WORDS[20:], "other"], seed=2)
    found = sajeon.compare([few, more], [pairs, questions])
    rows = [line.split() for line in pairs.read_text().splitlines()]
    both = set(WORDS[20:60])
    known = [(a, b, float(score)) for a, b, score in rows if {a, b} <= both]
    assert found.common == 40
    assert (found.files[0].used, found.files[0].lost) == (len(known), 150 - len(known))
    alone = sajeon.evaluate.similarity(few, known)
    assert found.files[0].scores[0].score == pytest.approx(alone.spearman, abs=1e-12)
    swapped = sajeon.compare([more, few], [pairs, questions])
    assert [one.score for one in swapped.files[0].scores[::-1]] == [
        one.score for one in found.files[0].scores
    ]
    assert [one.score for one in swapped.files[1].scores[::-1]] == [
        one.score for one in found.files[1].scores
    ]


def test_a_vector_that_is_no_number_loses_its_items(pairs, questions):
    matrix = model_of(0.1, seed=1).matrix.copy()
    matrix[3, 0], matrix[4, 1] = np.nan, np.inf
    broken = Vectors(WORDS, matrix)
    rows = [line.split() for line in pairs.read_text().splitlines()]
    lost = sum({"w3", "w4"} & {a, b} != set() for a, b, _ in rows)
    assert lost > 0
    alone = sajeon.evaluate.similarity(broken, pairs)
    assert (alone.pairs_lost, alone.pairs_used) == (lost, 150 - lost)
    found = sajeon.compare([broken, model_of(0.1, seed=2)], [pairs, questions])
    assert found.common == NUM - 2
    assert found.files[0].lost == lost
    lost = sum(
        {"w3", "w4"} & set(line.split()) != set() for line in questions.read_text().splitlines()
    )
    assert found.files[1].lost == sajeon.evaluate.analogies(broken, questions).lost == lost > 0
    assert found.files[0].scores[0].score == pytest.approx(alone.spearman, abs=1e-12)


def test_words_are_the_same_whatever_their_case(pairs):
    upper = model_of(0.1, words=WORDS, seed=1)
    upper = Vectors([word.upper() for word in WORDS], upper.matrix)
    found = sajeon.compare([model_of(0.1, seed=1), upper], [pairs])
    assert found.common == NUM
    assert found.differences[0].difference == 0
    assert found.differences[0].p == 1
    assert found.overlaps[0].overlap == 1


def test_overlap_is_that_of_single_queries():
    one, other = model_of(0.2, seed=1), model_of(1, words=WORDS[:80], seed=2)
    (overlap,) = sajeon.compare([one, other], k=5).overlaps
    both = set(WORDS[:80])
    shared = {}
    for word in WORDS[:80]:
        near = [
            {token for token, _ in model.nearest(word, k=5, where=both.__contains__)}
            for model in (one, other)
        ]
        shared[word] = len(near[0] & near[1])
    counts = np.array(list(shared.values()))
    assert 0.1 < overlap.overlap < 0.9
    assert overlap.overlap == pytest.approx(counts.mean() / 5)
    assert overlap.jaccard == pytest.approx((counts / (10 - counts)).mean())
    assert overlap.interval.low < overlap.overlap < overlap.interval.high
    assert overlap.bands[0].sampled == overlap.bands[0].words == 80
    changed = overlap.changed[0]
    assert changed.overlap == counts.min() / 5
    assert changed.overlap == shared[changed.word] / 5
    assert list(changed.neighbours_a) == [
        token for token, _ in one.nearest(changed.word, k=5, where=both.__contains__)
    ]


def test_the_words_that_change_most_are_those_of_all_pairs():
    models = [model_of(0.5, seed=seed) for seed in (1, 2, 3)]
    found = sajeon.compare(models, k=4)
    near = [{w: {t for t, _ in m.nearest(w, k=4)} for w in WORDS} for m in models]
    shares = {
        word: np.mean([len(a[word] & b[word]) / 4 for a, b in itertools.combinations(near, 2)])
        for word in WORDS
    }
    expected = sorted(WORDS, key=lambda word: (shares[word], WORDS.index(word)))[:10]
    assert [one.word for one in found.words] == expected
    assert [one.overlap for one in found.words] == pytest.approx([shares[w] for w in expected])


def test_the_mean_overlap_weighs_bands_by_their_words():
    words = [f"w{i}" for i in range(3000)]
    rng = np.random.default_rng(0)
    frequent, rare = rng.normal(size=(1000, 3)), rng.normal(size=(2, 2000, 3))
    models = [
        Vectors(words, np.concatenate([frequent * 100, part]).astype(np.float32)) for part in rare
    ]
    (overlap,) = sajeon.compare(models, sample=200).overlaps
    first, second = overlap.bands
    assert (first.sampled, first.words, second.sampled, second.words) == (100, 1000, 100, 2000)
    assert overlap.overlap == pytest.approx((first.overlap + 2 * second.overlap) / 3)
    assert first.overlap > second.overlap
    assert sajeon.compare(models, sample=200, seed=2).overlaps[0].overlap != overlap.overlap


def test_a_word_is_as_rare_as_where_it_is_rarest():
    words = [f"w{i}" for i in range(1200)]
    matrix = np.random.default_rng(0).normal(size=(1200, 3)).astype(np.float32)
    (overlap,) = sajeon.compare([Vectors(words, matrix), Vectors(words[::-1], matrix)]).overlaps
    assert [(band.name, band.words) for band in overlap.bands] == [
        ("1-1,000", 800),
        ("1,001-10,000", 400),
    ]


# --- what cannot be compared ---------------------------------------------------------------------


def test_models_of_other_languages_are_refused():
    korean = Vectors([f"말{i}" for i in range(NUM - 6)] + WORDS[:6], model_of(0).matrix)
    with pytest.raises(EvaluationError, match=r"have 6 words in common.* 5%.*languages"):
        sajeon.compare([model_of(0), korean])


def test_models_that_share_little_are_doubted():
    mixed = Vectors([f"말{i}" for i in range(NUM - 20)] + WORDS[:20], model_of(0).matrix)
    (notice,) = sajeon.compare([model_of(0), mixed], names=["en", "mixed"]).notices
    assert "en and mixed have 20 words in common" in notice


def test_one_common_word_is_not_enough():
    with pytest.raises(EvaluationError, match="1 words in common"):
        sajeon.compare([Vectors(["a"], np.ones((1, 2))), Vectors(["a", "b"], np.ones((2, 2)))])


def test_the_order_of_the_alphabet_is_not_taken_for_frequency():
    words = [f"x{i:04}" for i in range(12_000)]
    matrix = np.random.default_rng(0).normal(size=(12_000, 2)).astype(np.float32)
    ordered, shuffled = Vectors(words, matrix), Vectors(words[::-1], matrix)
    assert sajeon.compare([ordered, shuffled], sample=10).notices == ()


def test_a_test_set_that_says_nothing_does_not_hide_the_others(tmp_path, pairs):
    other, single = tmp_path / "other.tsv", tmp_path / "single.tsv"
    other.write_text("roi\treine\t9\nchat\tchien\t8\n")
    single.write_text("w1\tw2\t9\nchat\tchien\t8\n")
    same = tmp_path / "same.tsv"
    same.write_text("w1\tw2\t9\nw3\tw4\t9\n")
    asked = tmp_path / "asked.txt"
    asked.write_text("roi reine homme femme\n")
    models = [model_of(0.1, seed=1), model_of(0.1, seed=2)]
    found = sajeon.compare(models, [other, pairs, single, same, asked])
    assert [one.name for one in found.files] == ["pairs.tsv"]
    assert [one.split(":")[0] for one in found.failed] == [
        "other.tsv", "single.tsv", "same.tsv", "asked.txt",
    ]  # fmt: skip
    assert "both words of 0 of 2" in found.failed[0]
    with pytest.raises(EvaluationError, match="both words of 0 of 2"):
        sajeon.compare(models, [other])
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(FormatError, match="is empty"):
        sajeon.compare(models, [empty])


def test_few_items_are_doubted(tmp_path):
    path = tmp_path / "few.tsv"
    path.write_text("w1\tw2\t9\nw3\tw4\t8\nw5\tw6\t1\n")
    found = sajeon.compare([model_of(0.1, seed=1), model_of(1, seed=2)], [path])
    assert found.notices == ("few.tsv: scores of 3 items that all models know say nothing.",)
    assert found.files[0].scores[0].interval is None
    assert found.differences[0].interval is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"names": ["a"]}, "expected 2 different names"),
        ({"names": ["a", "a"]}, "expected 2 different names"),
        ({"k": 0}, "at least 1"),
        ({"sample": 0}, "at least 1"),
        ({"method": "div"}, "'add' or 'mul'"),
    ],
)
def test_wrong_arguments_are_refused(more, message):
    with pytest.raises(ValueError, match=message):
        sajeon.compare([model_of(0), model_of(1)], **more)


def test_a_model_is_not_compared_with_itself(tmp_path):
    model = model_of(0)
    model.save(tmp_path / "model")
    same = [tmp_path / "model", str(tmp_path / "model" / ".." / "model")]
    for models in ([model, model], same):
        with pytest.raises(ValueError, match="given twice"):
            sajeon.compare(models)
    for models in ([model], model, str(tmp_path / "model")):
        with pytest.raises(ValueError, match="two models or more"):
            sajeon.compare(models)
    found = sajeon.compare([tmp_path / "model", model])
    assert found.models == (str(tmp_path / "model"), "model 2")
    assert found.overlaps[0].overlap == 1


# --- the same training with other seeds ----------------------------------------------------------


def corpus(num=300):
    rng = np.random.default_rng(0)
    groups = [WORDS[:15], WORDS[15:30]]
    return [" ".join(rng.choice(groups[i % 2], 12)) for i in range(num)]


@pytest.fixture(scope="module")
def trained():
    return sajeon.train(corpus(), dim=8, min_count=1, epochs=2, window=3, seed=9)


def test_stability_is_that_of_trainings_by_hand(trained, pairs):
    found = sajeon.stability(trained, corpus(), seeds=3, files=[pairs], k=4)
    models = [
        sajeon.train(corpus(), dim=8, min_count=1, epochs=2, window=3, seed=seed)
        for seed in (1, 2, 3)
    ]
    expected = sajeon.compare(models, [pairs], k=4, names=["seed 1", "seed 2", "seed 3"])
    assert found.comparison == expected
    assert found.seeds == (1, 2, 3)
    overlaps = [one.overlap for one in expected.overlaps]
    assert found.overlap == found.bands[0].overlap == pytest.approx(np.mean(overlaps))
    assert (found.bands[0].low, found.bands[0].high) == (min(overlaps), max(overlaps))
    assert [band.name for band in found.bands] == ["all", "1-1,000"]
    scores = [one.score for one in expected.files[0].scores]
    (spread,) = found.spreads
    assert spread.mean == pytest.approx(np.mean(scores))
    assert spread.deviation == pytest.approx(np.std(scores, ddof=1))
    assert (spread.low, spread.high) == (min(scores), max(scores))


def test_a_model_that_cannot_be_trained_again_says_why(trained):
    with pytest.raises(EvaluationError, match="found none"):
        sajeon.stability(model_of(0), corpus())
    custom = sajeon.train(
        [text.split() for text in corpus()], dim=4, min_count=1, epochs=1, tokens=str.split
    )
    with pytest.raises(EvaluationError, match="function of your own"):
        sajeon.stability(custom, corpus())
    later = Vectors(trained.tokens, trained.matrix, settings={**trained.settings, "hops": 3})
    with pytest.raises(EvaluationError, match="cannot train: hops"):
        sajeon.stability(later, corpus())
    further = sajeon.train(corpus(), start_from=trained, min_count=1, epochs=1)
    with pytest.raises(EvaluationError, match="went on from another model"):
        sajeon.stability(further, corpus())
    with pytest.raises(ValueError, match="seeds must be at least 2"):
        sajeon.stability(trained, corpus(), seeds=1)
    for once in (iter(corpus()), "-"):
        with pytest.raises(TypeError, match="once for each seed"):
            sajeon.stability(trained, once)

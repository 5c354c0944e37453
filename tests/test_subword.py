"""Learning the n-grams of words: kernels against twins, bits, unseen words, Korean jamo."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sajeon
from sajeon.kernels.simd import padded
from sajeon.learn import trainer
from sajeon.learn.reference import run_rounds_reference
from sajeon.learn.schedule import Schedule
from sajeon.learn.subword import NGramRows, SubwordWord2Vec
from sajeon.learn.trainer import Trainer
from sajeon.subwords import NUM_BUCKETS, NGrams
from sajeon.tokens.jamo import decompose
from sajeon.tokens.ngrams import bucket_ids
from sajeon.vocab import Vocabulary

WORDS = ["the", "cats", "cat", "catlike", "dog", "dogs", "doglike", "a", "sat", "sitting", "뜰에"]
SMALL = {"dim": 12, "min_count": 1, "sample": 0, "progress": False, "seed": 3, "epochs": 2}


def objective(model="skipgram", *, dim=12, num_tokens=400, seed=1, spec="chars:2-4,buckets=40"):
    """Words by falling count; few buckets, so that words share rows and a word has one twice."""
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.zipf(1.5, num_tokens) % len(WORDS)).astype(np.int32)
    rng.shuffle(ids)
    counts = np.bincount(ids, minlength=len(WORDS)).astype(np.int64) + 1
    offsets = np.array([0, num_tokens // 3, num_tokens])
    rows = NGramRows.of(Vocabulary(WORDS, counts=counts), NGrams.parse(spec))
    made = SubwordWord2Vec(
        ids, offsets, counts, rows, model=model, dim=dim, window=3, negatives=3, sample=0,
        noise_exponent=0.75, seed=seed,
    )  # fmt: skip
    return made, rows


def texts(seed=0, lines=300):
    rng = np.random.default_rng(seed)
    return [[WORDS[i] for i in rng.zipf(1.4, 12) % len(WORDS)] for _ in range(lines)]


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize("dim", [5, 32])
@pytest.mark.parametrize("per_round", [1, 3])
def test_compiled_rounds_agree_with_the_twin(model, dim, per_round):
    word2vec, _ = objective(model, dim=dim)
    word2vec.blocks = replace(word2vec.blocks, per_round=per_round)
    fit = Trainer(word2vec, 400, epochs=2, lr=0.05, lr_end=1e-3, threads=2)
    trained = fit.run()
    table = np.zeros((sum(t.num_rows for t in word2vec.tables), padded(dim)), np.float32)
    word2vec.initialise(table)
    table = table[:, :dim].copy()
    schedule = Schedule(400, len(word2vec.blocks), per_round, 2, 0.05, 1e-3)
    rounds = list(run_rounds_reference(word2vec, table, schedule))
    found = np.concatenate([trained.tables[t.name] for t in word2vec.tables])
    np.testing.assert_allclose(found, table, atol=2e-5)
    assert trained.pairs == sum(pairs for _, _, pairs in rounds)
    assert trained.loss == pytest.approx(sum(r[1] for r in rounds) / trained.pairs, rel=1e-4)


def test_one_pair_moves_every_row_of_the_word_by_the_gradient_of_its_mean():
    """By hand, in float64: one context word, one centre, no noise that counts."""
    word2vec, rows = objective(num_tokens=6)
    table = np.random.default_rng(2).normal(size=(11 * 2 + len(rows), 12)).astype(np.float32)
    before = table.astype(np.float64)
    centre, context = WORDS.index("dog"), WORDS.index("catlike")
    plan = {
        "words": np.array([context, centre]), "low": np.array([0, 0]), "high": np.array([0, 2]),
        "noise": np.full((1, 3), centre),
    }  # fmt: skip
    word2vec.train_reference(plan, table, 0.1)
    own = [context, *word2vec.rows_of(context).tolist()]
    mean, target = before[own].mean(axis=0), before[11 + centre]
    error = 1 / (1 + np.exp(-mean @ target)) - 1
    expected = before.copy()
    expected[11 + centre] -= 0.1 * error * mean
    np.add.at(expected, own, -0.1 * error * target)
    np.testing.assert_allclose(table, expected, atol=1e-5)


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_any_number_of_threads_gives_the_same_bits(model):
    tables = []
    for threads in (1, 2, 3, 8):
        word2vec, _ = objective(model, num_tokens=9_000, dim=20)
        word2vec.blocks = replace(word2vec.blocks, per_round=8)
        fit = Trainer(word2vec, 9_000, epochs=1, lr=0.05, lr_end=1e-3, threads=threads)
        tables.append(fit.run().tables)
    for other in tables[1:]:
        for name, table in tables[0].items():
            np.testing.assert_array_equal(other[name], table)


def test_vectors_of_words_are_means_of_the_rows_that_unseen_words_are_made_of(tmp_path):
    trained = sajeon.train(texts(), subwords="chars:3-5", tokens="whitespace", **SMALL)
    trained.save(tmp_path / "m")
    vectors = sajeon.load(tmp_path / "m")
    rows, of_bucket = vectors.subwords.matrix, vectors.subwords.rows
    for word in ("cats", "a", "뜰에"):
        buckets = bucket_ids(word, 3, 5, NUM_BUCKETS)
        own = vectors.training["input"][vectors.tokens.find(word)]
        expected = np.vstack([own, rows[of_bucket[buckets]]]).mean(axis=0)
        np.testing.assert_allclose(vectors[word], expected, atol=1e-6)
    unseen = bucket_ids("catdog", 3, 5, NUM_BUCKETS)
    some = of_bucket[unseen][of_bucket[unseen] >= 0]
    assert 0 < len(some) < len(unseen)
    np.testing.assert_allclose(vectors["catdog"], rows[some].mean(axis=0), atol=1e-6)
    assert "catdog" not in vectors
    assert vectors.encode([["catdog"]]).any()
    _, found = vectors.embedding_matrix(["cat", "catdog", "zzz"])
    assert found.tolist() == [True, True, False]
    assert vectors.nearest("catdog", k=2)
    assert len(rows) == (of_bucket >= 0).sum() < 200  # no bucket without a word has a row


def test_words_of_one_stem_become_neighbours():
    """The n-grams of unseen words say what they mean."""
    rng = np.random.default_rng(0)
    stems, frames = ["walk", "talk", "sing"], [["on", "road"], ["of", "news"], ["a", "song"]]
    lines = []
    for _ in range(1500):
        i = int(rng.integers(3))
        lines.append([stems[i] + rng.choice(["", "s", "ing"]), *frames[i], "they", "do"])
    vectors = sajeon.train(lines, subwords="chars:3-4", **{**SMALL, "epochs": 5})
    for stem, frame in zip(stems, frames, strict=True):
        nearest = [token for token, _ in vectors.nearest(stem + "ings", k=3)]
        assert all(stem in token for token in nearest), (stem, nearest, frame)


@given(word=st.text(alphabet="닭강뜰가나다abㅋ", min_size=1, max_size=6))
def test_jamo_of_a_word_are_hashed_as_its_letters(word):
    ids, _ = NGrams("jamo", 3, 5, 1000).buckets([word])
    assert ids.tolist() == bucket_ids(decompose(word), 3, 5, 1000).tolist()


def test_a_loaded_model_of_jamo_makes_vectors_of_the_same_letters(tmp_path):
    lines = [["학교에", "갔다"], ["학교가", "멀다"], ["집에", "있다"]] * 50
    trained = sajeon.train(lines, subwords="jamo:3-5", **SMALL)
    trained.save(tmp_path / "m")
    loaded = sajeon.load(tmp_path / "m")
    assert str(loaded.subwords.ngrams) == "jamo:3-5"
    made = loaded["핵교에"]  # ㅎㅐㄱ for ㅎㅏㄱ
    assert (made == trained["핵교에"]).all()
    assert loaded.similarity("핵교에", "학교에") > loaded.similarity("핵교에", "갔다")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("chars", "written as in 'chars:3-6'"),
        ("chars:3-6,bucket=4", "written as in"),
        ("bytes:3-6", "written as in"),
        ("chars:6-3", "1 to 64 units, the shortest first"),
        ("chars:0-3", "1 to 64 units"),
        ("chars:3-65", "1 to 64 units"),
        ("chars:3-6,buckets=0", "buckets"),
        ("chars:3-6,buckets=99999999999", "buckets"),
        (3, "written as in"),
    ],
)
def test_what_cannot_be_meant_is_refused(spec, said):
    with pytest.raises(ValueError, match=said):
        sajeon.train(texts(), subwords=spec)


def test_a_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    whole = sajeon.train(texts(), subwords="chars:3-4", **SMALL)
    looked = []

    def look_once(self):
        looked.append(1)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_look", look_once)
        with pytest.raises(KeyboardInterrupt):
            sajeon.train(
                texts(), subwords="chars:3-4", output=tmp_path / "m", checkpoint_every=1e-3, **SMALL
            )
    assert looked
    resumed = sajeon.train(
        texts(), subwords="chars:3-4", output=tmp_path / "m", resume=True, **SMALL
    )
    assert (resumed.matrix == whole.matrix).all()
    assert (resumed.subwords.matrix == whole.subwords.matrix).all()


def test_it_goes_on_from_a_model_with_more_text():
    old = sajeon.train(texts(), subwords="chars:3-4", **SMALL)
    more = [["cats", "robots", "dog"]] * 40
    both = sajeon.train(more, start_from=old, lr=1e-12, min_count=1, sample=0)
    assert both.subwords.ngrams == old.subwords.ngrams
    np.testing.assert_allclose(both[list(old.tokens)], old[list(old.tokens)], atol=1e-6)
    assert "robots" in both
    without = sajeon.Vectors(old.tokens, old.matrix, settings=old.settings, subwords=old.subwords)
    with pytest.raises(sajeon.FormatError, match="saved without its training state"):
        sajeon.train(more, start_from=without, min_count=1)


def test_an_unseen_word_is_looked_up_without_numba(tmp_path):
    sajeon.train(texts(), subwords="chars:3-5", **SMALL).save(tmp_path / "m")
    code = (
        "import sajeon, sys; v = sajeon.load(sys.argv[1]); v.nearest('catdog'); "
        "print('numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_the_folder_says_which_ngrams_it_has(tmp_path):
    sajeon.train(texts(), subwords="chars:3-5,buckets=500", output=tmp_path / "m", **SMALL)
    config = json.loads((tmp_path / "m/config.json").read_text())["sajeon"]["training"]
    assert config["subwords"] == "chars:3-5,buckets=500"
    assert sajeon.load(tmp_path / "m").subwords.ngrams == NGrams("chars", 3, 5, 500)
    for spoilt in ("bytes:3-5", 7, "chars:3-5,buckets=400"):
        config["subwords"] = spoilt
        (tmp_path / "m/config.json").write_text(
            json.dumps({"sajeon": {"format": 1, "kind": "vectors", "training": config}})
        )
        with pytest.raises(sajeon.FormatError, match="subwords"):
            sajeon.load(tmp_path / "m")

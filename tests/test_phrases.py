"""Phrases: the pairs, scores and joins of gensim; kernels as their twins; saved with the model."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import sajeon
from sajeon.cli import app
from sajeon.corpus import build_corpus
from sajeon.corpus import phrases as learned_in
from sajeon.kernels import phrases as kernel
from sajeon.tokens.phrases import Phrases

PLANTED = [["new", "york"], ["new", "york", "times"], ["machine", "learning"]]


def planted():
    """Random words with phrases among them, whose parts also come alone."""
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)] + ["new", "york", "times", "machine", "learning"]
    texts = []
    for _ in range(300):
        text = [words[i] for i in rng.integers(len(words), size=8)]
        at = int(rng.integers(8))
        texts.append(" ".join([*text[:at], *PLANTED[rng.integers(3)], *text[at:]]))
    return texts


TEXTS = planted()


def corpus(texts=TEXTS, **settings):
    settings = {"min_count": 5, "threshold": 4, **settings}
    made = build_corpus(texts, Phrases(**settings), min_count=1)
    return made, made.vocab.tokenizer


def counted(made):
    return made.vocab.tokens, made.vocab.counts.tolist()


def sentences(made):
    tokens, ends = made.vocab.tokens, made.offsets[1:-1]
    return [[tokens[i] for i in ids] for ids in np.split(np.asarray(made.ids), ends)]


@pytest.mark.parametrize(
    ("scoring", "threshold"), [("word2vec", 0.5), ("word2vec", 4), ("npmi", 0.1), ("npmi", 0.4)]
)
def test_pairs_scores_and_sentences_are_those_of_gensim(scoring, threshold):
    models = pytest.importorskip("gensim.models.phrases")
    split = [text.split() for text in TEXTS]
    total, found = sum(map(len, split)), 0
    theirs = models.Phrases(split, min_count=5, threshold=1, delimiter="_")
    # gensim multiplies by the number of distinct words and pairs, word2phrase by all tokens.
    factor = len(theirs.vocab) / total if scoring == "word2vec" else 1
    theirs = models.Phrases(
        split, min_count=5, threshold=threshold * factor, delimiter="_",
        scoring="default" if scoring == "word2vec" else "npmi",
    )  # fmt: skip
    expected = theirs.export_phrases()
    made, tokenizer = corpus(scoring=scoring, threshold=threshold)
    ours = {f"{one.first}_{one.second}": one.score * factor for one in tokenizer.found}
    assert ours == pytest.approx(expected)
    assert sentences(made) == [theirs[sentence] for sentence in split]
    for text in TEXTS[:4]:
        assert tokenizer.tokens(text) == theirs[text.split()]
        found += any("_" in token for token in tokenizer.tokens(text))
    assert found


def test_two_passes_join_what_one_pass_joined():
    _, tokenizer = corpus(passes=2)
    assert "new_york_times" in tokenizer.tokens("The New York Times!")
    assert tokenizer.tokens("new york machine") == ["new_york", "machine"]


def test_a_pair_does_not_reach_over_the_end_of_a_text():
    texts = [["new", "york"], ["york", "new"], ["old", "new"], ["york", "old"]] * 9
    made, tokenizer = corpus([*texts, ["old", "old", "old"]], threshold=-9)
    assert all(one.together == 9 for one in tokenizer.found)
    assert len(tokenizer.found) == 4
    assert made.vocab.counts.sum() == len(texts) + 3


sequences = st.lists(st.lists(st.integers(0, 5), max_size=9), min_size=1, max_size=12)


@given(lists=sequences, parts=st.integers(1, 3), rare=st.integers(0, 5))
def test_the_kernels_count_and_join_as_their_twins(lists, parts, rare):
    offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    ids = np.array([i for one in lists for i in one], np.int32)
    frequent = np.arange(6) != rare
    counted = []
    for part in range(parts):
        expected = kernel.count_pairs_reference(ids, offsets, frequent, part, parts)
        pairs, counts = learned_in._counted(ids, offsets, frequent, part, parts)
        as_dict = dict(zip(pairs.tolist(), counts.tolist(), strict=True))
        assert as_dict == dict(zip(*map(np.ndarray.tolist, expected), strict=True))
        counted += pairs.tolist()
    assert len(counted) == len(set(counted))  # no pair in two parts
    chosen = np.array(counted[::2], np.int64)
    new = np.arange(6, 6 + len(chosen), dtype=np.int32)
    outs, ends = np.zeros((2, len(ids)), np.int32), np.stack([offsets[1:], offsets[1:]])
    mapping = dict(zip(chosen.tolist(), new.tolist(), strict=True))
    kept = [
        kernel.join_pairs_reference(ids, ends[0], mapping, outs[0]),
        kernel.join_pairs(ids, ends[1], *kernel.table_of(chosen, new), outs[1]),
    ]
    assert kept[0] == kept[1]
    assert (outs[0] == outs[1]).all()
    assert (ends[0] == ends[1]).all()


def test_a_growing_table_loses_nothing(monkeypatch):
    monkeypatch.setattr(learned_in, "_FIRST_PLACES", 8)
    rng = np.random.default_rng(0)
    ids, offsets = rng.integers(0, 200, 5000).astype(np.int32), np.arange(0, 5001, 5)
    every = np.ones(200, np.bool_)
    expected = kernel.count_pairs_reference(ids, offsets, every, 0, 1)
    pairs, counts = learned_in._counted(ids, offsets, every, 0, 1)
    order, other = np.argsort(pairs), np.argsort(expected[0])
    assert (pairs[order] == expected[0][other]).all()
    assert (counts[order] == expected[1][other]).all()


def test_corpora_in_parts_and_chunks_are_joined_as_in_one(monkeypatch):
    whole, one = corpus(passes=2)
    monkeypatch.setattr(learned_in, "_TOKENS_A_PART", 100)
    monkeypatch.setattr(learned_in, "_AT_ONCE", 7)
    parted, other = corpus(passes=2)
    assert one == other
    assert (whole.ids == parted.ids).all()
    assert (whole.offsets == parted.offsets).all()


def test_without_numba_it_finds_the_same(monkeypatch):
    whole, one = corpus(passes=2)
    monkeypatch.setattr(learned_in, "HAVE_NUMBA", False)
    plain, other = corpus(passes=2)
    assert one == other
    assert sentences(whole) == sentences(plain)


def test_a_token_spelled_like_a_phrase_is_one_with_it():
    texts = [text.split() for text in TEXTS]
    before = dict(zip(*counted(corpus(texts)[0]), strict=True))
    after = dict(zip(*counted(corpus([*texts, ["new_york", "w1"]])[0]), strict=True))
    assert after["new_york"] == before["new_york"] + 1 > 100


def test_a_model_keeps_its_phrases(tmp_path):
    vectors = sajeon.train(
        TEXTS, tokens="phrases:threshold=4,passes=2", dim=8, min_count=1, output=tmp_path / "m"
    )
    loaded = sajeon.load(tmp_path / "m")
    assert "new_york" in loaded
    assert loaded.tokenizer == vectors.tokenizer
    assert (loaded.encode(["New York"])[0] == loaded["new_york"]).all()
    assert "modules.json" not in {path.name for path in (tmp_path / "m").iterdir()}
    config = json.loads((tmp_path / "m/config.json").read_text())["sajeon"]["tokenizer"]
    assert config["settings"]["of"]["name"] == "words"
    more = sajeon.train(TEXTS, start_from=loaded, min_count=1)
    assert more.tokenizer == loaded.tokenizer


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("of=phrase", "no tokenizer 'phrase'"),
        ("of=bpe", "cuts texts at once"),
        ("passes=0", "from 1 to 8"),
        ("scoring=pmi", "word2vec"),
        ("threshold=high", "threshold must be a number"),
        ("joiner=", "joiner must be a text"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, said):
    if settings == "of=bpe":
        pytest.importorskip("tokenizers")
    with pytest.raises(ValueError, match=said):
        sajeon.train(TEXTS, tokens=f"phrases:{settings}")


def test_the_command_lists_phrases_best_first(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("\n".join(TEXTS), encoding="utf-8")
    run = CliRunner().invoke(app, ["phrases", str(path), "--threshold", "1"])
    assert run.exit_code == 0
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert {row[0] for row in rows[:3]} == {"machine learning", "new york", "york times"}
    scores = [float(row[2]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    as_json = CliRunner().invoke(app, ["phrases", str(path), "--threshold", "1", "--json"])
    assert json.loads(as_json.stdout)[0]["phrase"] == rows[0][0]
    missing = CliRunner().invoke(app, ["phrases", str(tmp_path / "none.txt")])
    assert missing.exit_code == 1

"""Phrases against gensim's, kernels against their twins, and the way from a text to a model."""

from __future__ import annotations

import importlib
import json
import lzma
import random
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gensim.models.phrases import Phrases as Theirs
from hypothesis import given
from hypothesis import strategies as st

import sajeon
from sajeon.cli.app import app
from sajeon.corpus import phrases as merging
from sajeon.errors import CorpusError, FormatError
from sajeon.kernels.phrases import (
    count_pairs_reference,
    merge_pairs_reference,
    mixed_pairs,
    unmixed,
)
from sajeon.tokens import collocations as module
from sajeon.tokens import make_tokenizer, tokenizer_from_config, tokenizer_to_config
from sajeon.tokens.collocations import Merger, frequent_pairs
from sajeon.tokens.phrases import Phrases

SCORING = {"word2vec": "default", "npmi": "npmi"}


def write_text(num_lines: int = 400) -> list[str]:
    """Write lines in which some words belong together, drawn by seed."""
    draw = random.Random(3)
    words = [f"w{i}" for i in range(60)]
    planted = ["new york", "new york times", "los angeles", "a b a b", "san san"]
    lines = []
    for _ in range(num_lines):
        line = draw.choices(words, weights=[1 / (i + 1) for i in range(60)], k=draw.randrange(12))
        for phrase in draw.choices(planted, k=2):
            line.insert(draw.randrange(len(line) + 1), phrase)
        lines.append(" ".join(line))
    return lines


TEXT = write_text()


@pytest.fixture(scope="module")
def english(data) -> list[str]:
    """The first lines of the English corpus."""
    with lzma.open(data / "corpus.en.txt.xz", "rt", encoding="utf-8") as lines:
        return [line for _, line in zip(range(600), lines, strict=False)]


def compare_with_gensim(texts, scoring, min_count, threshold, passes=3):
    """Check phrases, scores and joined texts of each pass; return how many phrases there were."""
    lists = [make_tokenizer("words").tokens(text) for text in texts]
    ours = sajeon.find_phrases(
        texts, min_count=min_count, threshold=threshold, scoring=scoring, passes=passes
    )
    joined = lists
    for number in range(passes):
        theirs = Theirs(joined, min_count=min_count, threshold=threshold, scoring=SCORING[scoring])
        pairs = {pair for tokens in joined for pair in pairwise(tokens)}
        scored = {pair: theirs.score_candidate(*pair, [])[1] for pair in pairs}
        expected = {pair: score for pair, score in scored.items() if score is not None}
        found = ours.found[number] if number < len(ours.found) else ()
        assert {(p.first, p.second): p.score for p in found} == pytest.approx(expected, rel=1e-12)
        assert all(theirs.vocab[p.token] == p.count for p in found)
        joined = [theirs[tokens] for tokens in joined]
    assert [ours.join(tokens) for tokens in lists] == joined
    assert ours.token_lists(texts) == joined
    return [len(found) for found in ours.found]


@pytest.mark.parametrize(("scoring", "threshold"), [("word2vec", 1), ("npmi", 0.2)])
@pytest.mark.parametrize("min_count", [1, 5])
def test_phrases_and_scores_are_those_of_gensim(scoring, threshold, min_count):
    numbers = compare_with_gensim(TEXT, scoring, min_count, threshold)
    assert len(numbers) > 1


@pytest.mark.parametrize(("scoring", "threshold"), [("word2vec", 10), ("npmi", 0.5)])
def test_phrases_of_english_are_those_of_gensim(english, scoring, threshold):
    numbers = compare_with_gensim(english, scoring, 5, threshold, passes=2)
    assert numbers[0] > 50


def corpora():
    sequences = st.lists(st.lists(st.integers(0, 6), max_size=9), min_size=1, max_size=8)
    return sequences.map(as_arrays)


def as_arrays(sequences):
    ids = np.array([i for sequence in sequences for i in sequence], np.int32)
    return ids, np.cumsum([0, *map(len, sequences)], dtype=np.int64)


@given(corpora(), st.integers(1, 3))
def test_pairs_are_counted_as_the_twin_counts(corpus, min_count):
    numbers, seen = count_pairs_reference(*corpus)
    found, counts, distinct = frequent_pairs(*corpus, min_count)
    order = np.argsort(found)
    np.testing.assert_array_equal(found[order], numbers[seen >= min_count])
    np.testing.assert_array_equal(counts[order], seen[seen >= min_count])
    assert distinct == len(numbers)


def test_the_twin_counts_right():
    numbers, seen = count_pairs_reference(*as_arrays([[], [1, 2, 1, 2], [2], [2, 2, 2], []]))
    pairs = zip(*(part.tolist() for part in unmixed(numbers)), seen.tolist(), strict=True)
    assert {(first, second): count for first, second, count in pairs} == {
        (1, 2): 2,
        (2, 1): 1,
        (2, 2): 2,
    }


@pytest.mark.parametrize("most_slots", [256, 1024, 1 << 14])
def test_a_table_that_is_too_small_takes_more_passes(most_slots):
    draw = np.random.default_rng(1)
    corpus = as_arrays(draw.integers(0, 60, (40, 500)).tolist())
    numbers, seen = count_pairs_reference(*corpus)  # about 3,600 distinct
    found, counts, distinct = frequent_pairs(*corpus, 2, most_slots)
    order = np.argsort(found)
    np.testing.assert_array_equal(found[order], numbers[seen >= 2])
    np.testing.assert_array_equal(counts[order], seen[seen >= 2])
    assert distinct == len(numbers)


@given(st.lists(st.tuples(*[st.integers(0, 2**31 - 1)] * 2), max_size=20))
def test_a_number_stands_for_one_pair(pairs):
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    numbers = mixed_pairs(first, second)
    assert (numbers != 0).all()
    np.testing.assert_array_equal(np.stack(unmixed(numbers)), np.stack([first, second]))


@given(corpora(), st.sets(st.tuples(*[st.integers(0, 6)] * 2), max_size=9), st.integers(1, 5))
def test_pairs_are_merged_as_the_twin_merges(corpus, pairs, block):
    first, second = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    new_ids = 7 + np.arange(len(first))
    by_pair = dict(zip(zip(first.tolist(), second.tolist(), strict=True), new_ids, strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        blocks = list(Merger(first, second, new_ids, 7).blocks(*corpus))
    done = np.cumsum([0, *(len(ids) for ids, _ in blocks)])
    merged = [i for ids, _ in blocks for i in ids.tolist()]
    ends = [int(start) + end for start, (_, e) in zip(done, blocks, strict=False) for end in e]
    assert (merged, ends) == merge_pairs_reference(*corpus, by_pair)


def test_without_numba_the_phrases_are_the_same(monkeypatch):
    compiled = sajeon.find_phrases(TEXT, threshold=1)
    monkeypatch.setattr(module, "HAVE_NUMBA", False)
    assert sajeon.find_phrases(TEXT, threshold=1) == compiled


def test_training_on_texts_finds_what_reading_does(corpus_of):
    read = corpus_of(TEXT, "phrases:threshold=1").vocab.tokenizer
    assert Phrases(threshold=1).trained(iter(TEXT)) == read
    assert sajeon.find_phrases(TEXT, threshold=1) == read
    vocab = sajeon.Vocabulary.from_texts(TEXT, tokens="phrases:threshold=1")
    assert vocab.tokenizer == read
    assert "new_york_times" in vocab


@pytest.mark.parametrize("of", ["whitespace", "regex:[a-z]+", "chars"])
def test_a_corpus_holds_what_the_tokenizer_makes_of_each_text(corpus_of, of):
    corpus = corpus_of(TEXT, f"phrases:threshold=0.1,of={of}")
    tokenizer = corpus.vocab.tokenizer
    assert tokenizer.found
    bounds = zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True)
    lines = [corpus.vocab.decode(corpus.ids[a:b]) for a, b in bounds]
    assert lines == tokenizer.token_lists(TEXT)
    assert corpus.num_raw_tokens == sum(map(len, lines))
    again = corpus_of(TEXT, tokenizer)  # found before: taken as they are
    assert again.identity() == corpus.identity()
    part = corpus_of(TEXT[:40], tokenizer)  # of some phrases there is nothing here
    assert set(part.vocab.tokens) == {t for line in lines[:40] for t in line}


def test_tokens_of_lists_are_joined_too(corpus_of):
    lists = [text.split() for text in TEXT]
    corpus = corpus_of(lists, "phrases:threshold=1")
    assert corpus.vocab == corpus_of(TEXT, "phrases:threshold=1,of=whitespace").vocab
    assert sajeon.find_phrases(lists, threshold=1).join(["new", "york"]) == ["new_york"]


def test_a_phrase_spelled_like_a_token_is_that_token(corpus_of):
    texts = ["new york x", "new_york"] * 10
    corpus = corpus_of(texts, "phrases:threshold=0.1,passes=1,of=whitespace")
    counts = dict(zip(corpus.vocab.tokens, corpus.vocab.counts.tolist(), strict=True))
    assert counts["new_york"] == 20
    assert "new" not in counts


def test_it_works_on_tokens_that_were_learned_themselves(corpus_of):
    pytest.importorskip("tokenizers")
    corpus = corpus_of(TEXT, "phrases:threshold=1,of=bpe:size=60,case=lower")
    tokenizer = corpus.vocab.tokenizer
    assert not tokenizer.of.untrained
    assert tokenizer.of.case == "lower"
    assert set(tokenizer.tokens(TEXT[0])) <= set(corpus.vocab.tokens)
    assert Phrases("bpe:size=60,case=lower", threshold=1).trained(TEXT) == tokenizer


UNCOMPILED = pytest.mark.filterwarnings("ignore:Numba is not installed")


@UNCOMPILED
def test_a_model_remembers_its_phrases(tmp_path):
    vectors = sajeon.train(
        TEXT, tokens="phrases:threshold=1", dim=8, min_count=1, epochs=1, output=tmp_path / "model"
    )
    again = sajeon.load(tmp_path / "model")
    assert again.tokenizer == vectors.tokenizer
    assert again.tokenizer.tokens("In New York Times!") == ["in", "new_york_times"]
    assert "new_york_times" in again
    np.testing.assert_array_equal(again.encode(["New York Times"])[0], vectors["new_york_times"])
    config = json.loads(json.dumps(tokenizer_to_config(vectors.tokenizer)))
    assert hash(tokenizer_from_config(config)) == hash(vectors.tokenizer)
    assert "found" in repr(vectors.tokenizer)


@UNCOMPILED
def test_info_shows_settings_and_no_phrases(tmp_path):
    spec = "phrases:threshold=1,of=words:case=keep"
    sajeon.train(TEXT, tokens=spec, dim=8, min_count=1, epochs=1, output=tmp_path / "model")
    shown = CliRunner().invoke(app, ["info", str(tmp_path / "model")]).stdout
    assert "of=words:case=keep,punctuation=drop\n" in shown
    assert "new_york_times" not in shown.split("tokenizer\t")[1]


def test_where_there_is_no_phrase_nothing_is_joined(corpus_of):
    corpus = corpus_of(["a b", "c d"], "phrases")
    assert corpus.vocab.tokenizer.found == ()
    assert corpus.vocab.tokens == ("a", "b", "c", "d")
    with pytest.raises(CorpusError, match="no word in the source"):
        sajeon.find_phrases(["", "..."])


def test_settings_of_the_inner_tokenizer_stand_last():
    phrases = make_tokenizer("phrases:passes=1,of=words:case=keep,punctuation=keep")
    assert phrases.passes == 1
    assert phrases.of == make_tokenizer("words:case=keep,punctuation=keep")
    assert make_tokenizer("phrases:of=regex:a,b=c").of.settings["pattern"] == "a,b=c"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("phrases:threshold=-1", r"threshold of word2vec must be a number, 0 or more; got '-1'"),
        ("phrases:threshold=much", "must be a number"),
        ("phrases:scoring=npmi,threshold=1", "from -1 to below 1; got '1'"),
        ("phrases:scoring=pmi", "scoring must be 'word2vec' or 'npmi'"),
        ("phrases:passes=0", "passes must be a whole number, from 1 to 10"),
        ("phrases:min_count=0", "min_count must be a whole number, 1 or more"),
        ("phrases:of=word", "Did you mean 'words'"),
        ("phrases:passes=1,", "expected NAME:key=value"),
        ("phrases:of=phrases:passes=1", "phrases of phrases"),
    ],
)
def test_bad_settings_are_named(spec, said):
    with pytest.raises(ValueError, match=said):
        make_tokenizer(spec)


@pytest.mark.parametrize(
    "change",
    [
        {"first": ["a"]},
        {"first": ["a", 3]},
        {"first": ["a", "a"]},
        {"scores": None},
        {"counts": [1, 2], "more": []},
    ],
)
def test_a_damaged_model_is_refused(change):
    columns = {"first": ["a", "b"], "second": ["c", "c"], "counts": [1, 2], "scores": [0.5, 2.0]}
    assert Phrases(found=[columns]).tokens("b c") == ["b_c"]
    with pytest.raises(FormatError, match="expected the phrases of a pass"):
        Phrases(found=[columns | change])


def test_a_model_that_nests_phrases_is_refused():
    config = tokenizer_to_config(Phrases())
    for _ in range(5000):
        config = {"name": "phrases", "settings": {"of": config}}
    with pytest.raises(FormatError, match="phrases of phrases"):
        tokenizer_from_config(config)


def test_phrases_that_are_not_found_yet_cannot_join():
    with pytest.raises(ValueError, match="no phrases yet: train on a corpus"):
        Phrases().tokens("new york")
    assert "none found yet" in repr(Phrases())


def test_a_disk_that_is_full_leaves_nothing_open(monkeypatch, corpus_of):
    class Full(merging.Spool):
        def add(self, ids, ends):
            raise OSError(28, "no space left")

    monkeypatch.setattr(merging, "Spool", Full)
    with pytest.raises(OSError, match="no space left"):
        corpus_of(TEXT, "phrases:threshold=1")


def test_the_command_prints_phrases(text_file):
    path = text_file("\n".join(TEXT))
    run = CliRunner().invoke(app, ["phrases", str(path), "--threshold", "1", "-k", "3"])
    assert run.exit_code == 0, run.output
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    found = sajeon.find_phrases(path, threshold=1).found
    every = sorted((p for f in found for p in f), key=lambda p: -p.count)[:3]
    assert [line[:2] for line in lines] == [[p.token, str(p.count)] for p in every]
    run = CliRunner().invoke(
        app, ["phrases", str(path), "--threshold", "1", "-k", "0", "--sort", "score", "--json"]
    )
    records = json.loads(run.stdout)
    assert len(records) == sum(map(len, found))
    assert records == sorted(records, key=lambda r: -r["score"])
    assert {r["pass"] for r in records} == {1, 2}


def test_the_command_says_what_is_wrong(text_file):
    path = str(text_file("a b"))
    run = CliRunner().invoke(app, ["phrases", path, "--scoring", "npmi", "--threshold", "3"])
    assert run.exit_code == 1
    assert "threshold of npmi must be a number" in run.stderr


def test_both_sides_of_the_benchmark_join_the_same(monkeypatch, text_file):
    folder = Path(__file__).parents[1] / "benchmarks"
    if not folder.is_dir():
        pytest.skip("the benchmarks are not here: this is not the source folder")
    monkeypatch.syspath_prepend(folder)
    benchmark = importlib.import_module("phrases")
    for name in ("phrases", "_common"):
        sys.modules.pop(name)
    path = text_file("\n".join(TEXT))
    sides = [side(path, "npmi", 2) for side in benchmark.SIDES.values()]
    assert sides[0]["hash"] == sides[1]["hash"]

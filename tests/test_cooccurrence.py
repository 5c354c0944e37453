"""Counting which words stand near each other, against a naive double loop."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sajeon.kernels import draw
from sajeon.kernels.windows import TOKEN_STREAM
from sajeon.learn import cooccurrence, spill
from sajeon.learn.cooccurrence import UNIT, cooccurrences, documents, weights_of
from sajeon.sampling import keep_probability


def zipf_lines(seed, num_words=60, lengths=(30, 1, 0, 7, 400, 2, 90)):
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, num_words + 1)
    return [
        [f"w{word}" for word in rng.choice(num_words, length, p=weights / weights.sum())]
        for length in lengths
    ]


def naive(corpus, window, decay, keep=None):
    counts = np.zeros((len(corpus.vocab),) * 2, np.int64)
    weights = weights_of(window, decay)
    stays = np.ones(len(corpus.ids), bool) if keep is None else keep
    for start, stop in zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True):
        line = corpus.ids[start:stop][stays[start:stop]]
        for i in range(len(line)):
            for j in range(max(0, i - window), min(len(line), i + window + 1)):
                if i != j:
                    counts[line[i], line[j]] += weights[abs(i - j)]
    return counts


def dense(counts, num_columns):
    matrix = np.zeros((len(counts.begins) - 1, num_columns), np.int64)
    for row, (first, last) in enumerate(zip(counts.begins[:-1], counts.begins[1:], strict=True)):
        columns = counts.columns[first:last]
        assert (np.diff(columns) > 0).all()
        matrix[row, columns] = counts.values[first:last]
    return matrix


def count(corpus, **options):
    given = {"window": 4, "decay": "harmonic", "sample": 0, "seed": 1, "threads": 1}
    return cooccurrences(corpus, **(given | options))


def parts_of(counts):
    return [np.asarray(a).tobytes() for a in (counts.begins, counts.columns, counts.values)]


@given(seed=st.integers(0, 2**31), window=st.integers(1, 9), memory=st.sampled_from([None, 8, 999]))
@settings(max_examples=20)
def test_counts_are_those_of_a_double_loop(corpus_of, seed, window, memory):
    corpus = corpus_of(zipf_lines(seed))
    for decay in ("harmonic", "linear"):
        found = count(corpus, window=window, decay=decay, memory=memory and memory * 40)
        expected = naive(corpus, window, decay)
        np.testing.assert_array_equal(dense(found, len(corpus.vocab)), expected)
        np.testing.assert_array_equal(found.sums(), expected.sum(axis=0))


def test_weights_fall_with_the_distance():
    assert weights_of(3, "harmonic").tolist() == [0, UNIT, UNIT // 2, round(UNIT / 3)]
    assert weights_of(4, "linear").tolist() == [0, UNIT, UNIT * 3 // 4, UNIT // 2, UNIT // 4]


@pytest.mark.parametrize("without_numba", [False, True])
def test_frequent_words_go_before_windows_are_laid(corpus_of, monkeypatch, without_numba):
    corpus = corpus_of(zipf_lines(3))
    monkeypatch.setattr(cooccurrence, "HAVE_NUMBA", not without_numba)
    monkeypatch.setattr(cooccurrence, "_BLOCK", 37)
    bits = draw.draw_reference(
        draw.block_key_reference(7, 0, TOKEN_STREAM), np.arange(len(corpus.ids))
    )
    keep = draw.to_unit_reference(bits) <= keep_probability(corpus.vocab.counts, 0.01)[corpus.ids]
    assert 0.1 < keep.mean() < 0.9
    found = count(corpus, sample=0.01, seed=7)
    np.testing.assert_array_equal(
        dense(found, len(corpus.vocab)), naive(corpus, 4, "harmonic", keep)
    )


def test_threads_and_memory_do_not_change_a_bit(corpus_of, monkeypatch):
    monkeypatch.setattr(cooccurrence, "_TASK", 1000)
    corpus = corpus_of(zipf_lines(5, 900, (300,) * 60))
    expected = parts_of(count(corpus, sample=1e-2))
    for threads in (2, 3, 8):
        for memory in (None, 20_000):
            assert parts_of(count(corpus, sample=1e-2, threads=threads, memory=memory)) == expected


@pytest.mark.parametrize("without_numba", [False, True])
def test_documents_are_counted(corpus_of, monkeypatch, without_numba):
    monkeypatch.setattr(cooccurrence, "HAVE_NUMBA", not without_numba)
    monkeypatch.setattr(cooccurrence, "_TASK", 50)
    corpus = corpus_of(zipf_lines(4))
    lines = np.split(corpus.ids, corpus.offsets[1:-1])
    expected = [np.bincount(line, minlength=len(corpus.vocab)) for line in lines if len(line)]
    np.testing.assert_array_equal(dense(documents(corpus), len(corpus.vocab)), expected)


def test_what_the_disk_will_not_hold_is_said_before_counting(corpus_of, monkeypatch):
    monkeypatch.setattr(cooccurrence, "_TASK", 20)
    corpus = corpus_of(zipf_lines(6, 900, (300,) * 60))
    notes = []
    expected = len(count(corpus, note=notes.append))
    (note,) = notes
    assert note.startswith("counting about 0 million")
    monkeypatch.setattr(cooccurrence, "free_disk", lambda: expected * 12 * 2 // 3)
    monkeypatch.setattr(cooccurrence._Counter, "count", None)  # it does not come to that
    with pytest.raises(OSError, match=r"about 0.0 GB are needed, 0.0 GB are free; free some"):
        count(corpus)


def test_the_estimate_is_near(corpus_of, monkeypatch):
    monkeypatch.setattr(cooccurrence, "_TASK", 20)
    corpus = corpus_of(zipf_lines(6, 900, (300,) * 60))
    estimates = []
    monkeypatch.setattr(cooccurrence, "_check_room", lambda entries, *_: estimates.append(entries))
    counts = count(corpus)
    assert estimates[0] == pytest.approx(len(counts), rel=0.25)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_and_leaves_nothing(corpus_of, monkeypatch, tmp_path):
    corpus = corpus_of(zipf_lines(1))
    monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda: Path("/dev/full").open("r+b", 0))  # noqa: SIM115
    with pytest.raises(OSError, match=r"no space for the corpus on the disk of .* set TMPDIR"):
        count(corpus)


def test_free_disk_is_that_of_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(spill.tempfile, "tempdir", str(tmp_path))
    assert spill.free_disk() == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)

"""LSA against SciPy's decomposition, NumPy's, and PPMI by a double loop."""

from math import log, log2

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, random_array
from scipy.sparse.linalg import svds

import sajeon
from sajeon.cli import app
from sajeon.errors import CorpusError
from sajeon.kernels.dense import eigen
from sajeon.learn import cooccurrence, lsa, svd
from sajeon.learn.cooccurrence import cooccurrences, documents
from sajeon.learn.lsa import log_entropy, ppmi
from sajeon.learn.svd import Sparse, largest_singular


def zipf_lines(seed, num_words, lines, length=12):
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, num_words + 1)
    words = rng.choice(num_words, (lines, length), p=weights / weights.sum())
    return [[f"w{word}" for word in line] for line in words]


def to_scipy(matrix):
    shape = (matrix.num_rows, matrix.num_columns)
    return csr_matrix((matrix.values, matrix.columns, matrix.begins), shape=shape)


def random_sparse(rows, columns, seed=1, density=0.1):
    made = csr_matrix(
        random_array((rows, columns), density=density, rng=np.random.default_rng(seed))
    )
    return Sparse(
        made.indptr.astype(np.int64), made.indices.astype(np.int32),
        made.data.astype(np.float32), columns,
    )  # fmt: skip


@given(exponent=st.sampled_from([0.0, 0.75, 1.0]), shift=st.sampled_from([0.5, 1.0, 2.0]))
@settings(max_examples=6)
def test_ppmi_is_that_of_a_double_loop(corpus_of, exponent, shift):
    corpus = corpus_of(zipf_lines(3, 40, 50))
    counts = cooccurrences(corpus, window=3, decay="linear", sample=0, seed=1, threads=1)
    size = len(corpus.vocab)
    x = np.zeros((size, size))
    for row in range(size):
        some = slice(counts.begins[row], counts.begins[row + 1])
        x[row, counts.columns[some]] = counts.values[some] / cooccurrence.UNIT
    smoothed = x.sum(axis=0) ** exponent
    expected = np.zeros_like(x)
    for i in range(size):
        for j in range(size):
            if x[i, j]:
                given_word = x[i, j] / x[i].sum()
                chance = smoothed[j] / smoothed.sum()
                expected[i, j] = max(0, log(given_word / chance) - log(shift))
    found = to_scipy(ppmi(counts, exponent=exponent, shift=shift)).toarray()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert 0 < (found > 0).mean() < 1


def test_documents_are_weighed_by_log_entropy(corpus_of):
    corpus = corpus_of([["a", "a", "b"], ["a", "c"], ["c", "b", "b", "b"], ["a"]])
    found = to_scipy(log_entropy(documents(corpus), 3)).toarray()
    a, b, c = (corpus.vocab.tokens.index(token) for token in "abc")
    of_a = 1 + (0.5 * log(0.5) + 2 * 0.25 * log(0.25)) / log(4)
    of_b = 1 + (0.25 * log(0.25) + 0.75 * log(0.75)) / log(4)
    of_c = 1 + 2 * 0.5 * log(0.5) / log(4)
    expected = np.zeros((4, 3))
    expected[:, a] = np.array([log2(3), 1, 0, 1]) * of_a
    expected[:, b] = np.array([1, 0, 2, 0]) * of_b
    expected[:, c] = np.array([0, 1, 1, 0]) * of_c
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("without_numba", [False, True])
def test_the_transpose_is_that_of_scipy(monkeypatch, without_numba):
    monkeypatch.setattr(svd, "HAVE_NUMBA", not without_numba)
    matrix = random_sparse(50, 80)
    found, expected = matrix.transposed(), csr_matrix(to_scipy(matrix).T)
    np.testing.assert_array_equal(found.begins, expected.indptr)
    np.testing.assert_array_equal(found.columns, expected.indices)
    np.testing.assert_array_equal(found.values, expected.data)


@pytest.mark.parametrize("without_numba", [False, True])
def test_products_are_those_of_scipy(monkeypatch, without_numba):
    monkeypatch.setattr(svd, "HAVE_NUMBA", not without_numba)
    matrix = random_sparse(50, 80)
    x = np.random.default_rng(2).normal(size=(80, 19)).astype(np.float32)
    wide = np.zeros((80, 32), np.float32)
    wide[:, :19] = x
    found = matrix.times(wide, 2)
    np.testing.assert_allclose(found[:, :19], to_scipy(matrix) @ x, rtol=1e-4, atol=1e-5)
    assert not found[:, 19:].any()


@pytest.mark.parametrize("rank", [1, 7, 20])
def test_eigenvalues_are_those_of_lapack(rank):
    columns = np.random.default_rng(rank).normal(size=(rank, 20)) * np.geomspace(1, 1e-3, 20)
    square = columns.T @ columns
    values, vectors = eigen(np.triu(square))
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(square), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(20), atol=1e-12)
    np.testing.assert_allclose(vectors.T @ np.diag(values) @ vectors, square, atol=1e-12)


@pytest.mark.parametrize("shape", [(300, 300), (200, 500), (500, 200)])
def test_the_decomposition_is_that_of_scipy(monkeypatch, shape):
    monkeypatch.setattr(svd, "TOLERANCE", 1e-7)
    monkeypatch.setattr(svd, "MOST_STEPS", 300)
    matrix = random_sparse(*shape)
    values, vectors = largest_singular(matrix, 12, seed=1, threads=2)
    left, expected, _ = svds(to_scipy(matrix).astype(np.float64), 12, random_state=1)
    np.testing.assert_allclose(values, expected[::-1], rtol=1e-4)
    cosines = np.abs((left[:, ::-1] * vectors).sum(axis=0))
    np.testing.assert_allclose(cosines[:6], 1, rtol=1e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(12), atol=1e-4)
    assert (vectors.max(axis=0) == np.abs(vectors).max(axis=0)).all()  # signs are settled


def test_a_small_matrix_is_decomposed_whole():
    matrix = random_sparse(9, 30, density=0.5)
    values, vectors = largest_singular(matrix, 20, seed=1, threads=1)
    left, expected, _ = np.linalg.svd(to_scipy(matrix).toarray())
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    np.testing.assert_allclose(np.abs((left * vectors).sum(axis=0)), 1, rtol=1e-3)


def test_values_are_near_where_it_stops(corpus_of):
    corpus = corpus_of(zipf_lines(5, 900, 1500))
    counts = cooccurrences(corpus, window=3, decay="linear", sample=0, seed=1, threads=1)
    matrix = ppmi(counts, exponent=0.75, shift=1)
    notes = []
    values, _ = largest_singular(matrix, 30, seed=1, threads=1, note=notes.append)
    expected = np.linalg.svd(to_scipy(matrix).toarray(), compute_uv=False)[:30]
    np.testing.assert_allclose(values, expected, rtol=0.05)
    assert not notes


def test_what_does_not_converge_is_told(monkeypatch):
    monkeypatch.setattr(svd, "MOST_STEPS", 2)
    monkeypatch.setattr(svd, "TOLERANCE", 1e-9)
    notes = []
    largest_singular(random_sparse(300, 300), 12, seed=1, threads=1, note=notes.append)
    (note,) = notes
    assert "did not converge: after 2 steps a singular value still changes by" in note


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    monkeypatch.setattr(cooccurrence, "_TASK", 500)
    text = [" ".join(line) for line in zipf_lines(5, 900, 1500)]
    found = {
        sajeon.train(text, model="lsa", dim=20, min_count=1, threads=threads).matrix.tobytes()
        for threads in (1, 2, 3, 8)
    }
    assert len(found) == 1


class Notes(sajeon.learn.progress.Reporter):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_a_text_too_small_for_the_dimension_is_told():
    notes = Notes()
    text = [" ".join(line) for line in zipf_lines(5, 12, 30)]
    vectors = sajeon.train(text, model="lsa", dim=50, min_count=1, sample=0, progress=notes)
    assert any("fewer than the 50 asked for" in note for note in notes.notes)
    assert vectors.matrix.shape[1] == 50
    assert not vectors.matrix[:, 12:].any()


@pytest.mark.parametrize("power", [0, 0.5, 1])
def test_eigenvalues_scale_the_vectors(power):
    text = [" ".join(line) for line in zipf_lines(5, 60, 200)]
    given = {"model": "lsa", "dim": 8, "min_count": 1, "sample": 0}
    plain = sajeon.train(text, **given, eigenvalues=0).matrix
    scaled = sajeon.train(text, **given, eigenvalues=power).matrix
    np.testing.assert_allclose(np.linalg.norm(plain, axis=0), 1, rtol=1e-4)
    sizes = np.linalg.norm(sajeon.train(text, **given, eigenvalues=1).matrix, axis=0)
    np.testing.assert_allclose(scaled, plain * sizes**power, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("contexts", ["words", "documents"])
def test_words_of_one_company_are_neighbours(tmp_path, text_file, contexts):
    rng = np.random.default_rng(1)
    lines = [" ".join(f"{group}{n}" for n in rng.integers(0, 30, 12)) for group in "ab" * 400]
    model = tmp_path / "m"
    options = ["--model", "lsa", "--dim", "8", "--min-count", "1", "--sample", "0"]
    source = str(text_file("\n".join(lines)))
    result = CliRunner().invoke(
        app, ["train", source, "-o", str(model), *options, "--contexts", contexts]
    )
    assert result.exit_code == 0, result.output
    near = CliRunner().invoke(app, ["nearest", str(model), "a7", "-k", "10"]).output.split()[::2]
    assert len(near) == 10
    assert all(word.startswith("a") for word in near)


def test_one_document_is_refused():
    with pytest.raises(
        CorpusError, match="this one has a single one; give more, or take --contexts"
    ):
        sajeon.train(["a b c a b c a"], model="lsa", contexts="documents", min_count=1)


def test_documents_that_tell_nothing_are_refused():
    with pytest.raises(CorpusError, match="spread evenly over all texts"):
        sajeon.train(["a b c d e f g"] * 3, model="lsa", contexts="documents", min_count=1)


def test_what_memory_will_not_hold_is_said(monkeypatch):
    monkeypatch.setattr(lsa, "free_memory", lambda: 1000)
    text = [" ".join(line) for line in zipf_lines(5, 60, 200)]
    with pytest.raises(CorpusError, match=r"need 0.0 GB of memory, and 0.0 GB are free; take"):
        sajeon.train(text, model="lsa", min_count=1)


def test_nothing_above_chance_is_told():
    text = [" ".join(line) for line in zipf_lines(5, 60, 200)]
    with pytest.raises(CorpusError, match="more often than by chance"):
        sajeon.train(text, model="lsa", min_count=1, shift=1e5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shift": 0}, "shift must be above 0"),
        ({"eigenvalues": 0.7}, "eigenvalues must be 0, 0.5 or 1"),
        ({"contexts": "texts"}, "contexts must be 'words' or 'documents'"),
        ({"epochs": 3}, "epochs is no setting of model 'lsa'"),
        ({"x_max": 3}, "x_max is no setting of model 'lsa'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        sajeon.train(["a b"], model="lsa", **given)


def test_without_numba_it_learns_as_well(monkeypatch):
    text = [" ".join(line) for line in zipf_lines(2, 30, 60)]
    given = {"model": "lsa", "dim": 6, "min_count": 1, "sample": 0}
    expected = sajeon.train(text, **given).matrix
    for module in (cooccurrence, svd):
        monkeypatch.setattr(module, "HAVE_NUMBA", False)
    np.testing.assert_allclose(sajeon.train(text, **given).matrix, expected, rtol=1e-3, atol=1e-4)


def test_a_text_of_which_nothing_is_left_is_refused():
    with pytest.raises(sajeon.CorpusError, match="--sample 0"):
        sajeon.train(["the cat sat on the mat"] * 2, model="lsa", min_count=1)

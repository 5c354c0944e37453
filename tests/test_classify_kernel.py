"""The classifier's kernels against their NumPy twins, torch's differentiation, and fastText."""

import hashlib
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sajeon.bagmodel import BagModel
from sajeon.bags import collect_bags, number_texts
from sajeon.kernels import bags as kernel
from sajeon.kernels import classify as classify_kernel
from sajeon.kernels.simd import padded
from sajeon.learn import classify as learn
from sajeon.learn.classify import BagObjective, shuffled, train_bags
from sajeon.learn.huffman import build_tree
from sajeon.learn.labels import number_labels
from sajeon.learn.reference import run_rounds_reference
from sajeon.learn.schedule import Schedule
from sajeon.tokens import Words
from sajeon.tokens.ngrams import bucket_ids, fasttext_hash

LOSSES = ["softmax", "ova", "hs"]
ALPHABET = ["a", "bb", "cat", "dog's", "학교", "ünder", "x1", "뜰", "internationalisation", "z"]


def texts_of(seed, count=40, longest=12, vocabulary=ALPHABET):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(vocabulary, rng.integers(0, longest + 1))) for _ in range(count)]


def labels_of(seed, count, num_labels, several):
    rng = np.random.default_rng(seed)
    first = [int(c) for c in rng.integers(0, num_labels, count)]
    first[:num_labels] = range(num_labels)
    if not several:
        return first
    return [sorted({c, int(rng.integers(0, num_labels))}) for c in first]


class Problem:
    """Texts and labels as the objective takes them."""

    def __init__(self, seed, loss, *, num_labels=3, dim=20, several=False, count=40, **features):
        self.texts = texts_of(seed, count)
        self.texts[0] = "a cat"  # one at least has words
        given = {"min_count": 1, "min_n": 0, "max_n": 0, "word_ngrams": 1, "num_buckets": 50}
        self.numbered = number_texts(self.texts, Words())
        order = shuffled(count, seed)
        found = number_labels(labels_of(seed, count, num_labels, several), count, empty=False)
        self.features, _, self.bags = collect_bags(self.numbered, order, **given | features)
        self.labels = found.labels.ordered(order)
        self.loss, self.dim, self.seed = loss, dim, seed
        words = np.random.default_rng(seed).normal(size=(self.bags.num_words, dim))
        self.start = words.astype(np.float32), np.ones(len(words), np.bool_)  # large, so all moves

    def objective(self, per_round=1):
        objective = BagObjective(
            self.bags, self.labels, loss=self.loss, dim=self.dim, seed=self.seed, start=self.start
        )
        objective.blocks = type(objective.blocks)(
            objective.blocks.starts, objective.blocks.sequences, per_round
        )
        return objective


def train_by_the_twin(objective, epochs, lr):
    num_rows = sum(table.num_rows for table in objective.tables)
    table = np.zeros((num_rows, objective.dim), np.float32)
    objective.initialise(table)
    blocks = objective.blocks
    schedule = Schedule(1, len(blocks), blocks.per_round, epochs=epochs, lr=lr, lr_end=0.0)
    rounds = list(run_rounds_reference(objective, table, schedule))
    return table, sum(loss for _, loss, _ in rounds), sum(texts for _, _, texts in rounds)


@pytest.fixture
def short_blocks(monkeypatch):
    """Many blocks from few texts."""
    monkeypatch.setattr(learn, "BLOCK_LENGTH", 16)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("per_round", [1, 3, 8])
@given(
    seed=st.integers(0, 2**31),
    num_labels=st.sampled_from([2, 3, 17, 35]),
    dim=st.sampled_from([1, 16, 70, 100]),
    features=st.sampled_from(
        [{}, {"word_ngrams": 3}, {"min_n": 2, "max_n": 4}, {"max_n": 3, "word_ngrams": 2}]
    ),
    several=st.booleans(),
)
@settings(max_examples=8)
def test_training_compiled_agrees_with_the_twin(
    short_blocks, loss, per_round, seed, num_labels, dim, features, several
):
    problem = Problem(seed, loss, num_labels=num_labels, dim=dim, several=several, **features)
    objective = problem.objective(per_round)
    trained = train_bags(objective, 100, epochs=2, lr=0.5, threads=3)
    table, loss_sum, texts = train_by_the_twin(objective, epochs=2, lr=0.5)
    words, last = problem.bags.num_words, problem.bags.num_rows
    close = {"rtol": 2e-3, "atol": 2e-5}
    np.testing.assert_allclose(trained.words[:, :dim], table[:words], **close)
    np.testing.assert_allclose(trained.buckets[:, :dim], table[words:last], **close)
    np.testing.assert_allclose(trained.labels, table[last:], **close)
    # Losses are added up in whole units of 2**-10, block by block.
    assert trained.loss == pytest.approx(loss_sum / texts, rel=1e-3, abs=2**-10)
    assert not trained.words[:, dim:].any()  # the padding stays empty


@pytest.mark.parametrize("loss", LOSSES)
def test_any_number_of_threads_gives_the_same_bits(short_blocks, loss):
    digests = set()
    for threads in (1, 2, 5):
        problem = Problem(1, loss, num_labels=20, count=400, word_ngrams=2, max_n=3)
        trained = train_bags(problem.objective(16), 100, epochs=3, lr=0.5, threads=threads)
        arrays = (trained.words, trained.buckets, trained.labels)
        digests.add(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
    assert len(digests) == 1


def loss_in_torch(loss, rows, targets, wanted, table):
    scores = table[targets] @ table[rows].mean(0)
    if loss == "softmax":
        return -torch.log_softmax(scores, 0)[wanted.argmax()]
    return torch.nn.functional.binary_cross_entropy_with_logits(
        scores, torch.tensor(wanted, dtype=torch.float64), reduction="sum"
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_and_gradient_agree_with_torch(loss):
    problem = Problem(3, loss, num_labels=6, word_ngrams=2, max_n=3)
    objective = problem.objective()
    texts, _ = objective.plan_reference(0, 0)[0]
    plan = [texts[0]]
    rng = np.random.default_rng(0)
    num_rows = sum(table.num_rows for table in objective.tables)
    before = rng.normal(size=(num_rows, problem.dim))
    table = torch.tensor(before, requires_grad=True)
    expected = loss_in_torch(loss, plan[0]["rows"], plan[0]["targets"], plan[0]["wanted"], table)
    expected.backward()
    moved = before.copy()
    lr = 1e-6
    found, _, steps = classify_kernel.train_bags_reference(plan, moved, lr, trace=True)
    assert found == pytest.approx(expected.item(), rel=1e-9)
    np.testing.assert_allclose((before - moved) / lr, table.grad.numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(steps[0]["rows"], plan[0]["rows"])


@given(seed=st.integers(0, 2**31), per_round=st.integers(1, 4))
@settings(max_examples=20)
def test_every_text_is_trained_once_an_epoch(seed, per_round):
    problem = Problem(seed, "softmax")
    objective = problem.objective(per_round)
    sizes = []
    for block in range(len(objective.blocks)):
        (texts, _), visits = objective.plan_reference(0, block)
        sizes += [len(text["rows"]) for text in texts]
        assert sum(visits.values()) == sum(len(t["rows"]) + len(t["targets"]) for t in texts)
    expected = problem.bags.sizes[problem.bags.sizes > 0]
    assert sizes == expected.tolist()


@given(seed=st.integers(0, 2**31), ngrams=st.integers(1, 5))
@settings(max_examples=30)
def test_items_listed_compiled_agree_with_the_twin(seed, ngrams):
    rng = np.random.default_rng(seed)
    types, texts = 6, 9
    offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 7, texts))])
    ids = rng.integers(0, types, offsets[-1]).astype(np.int32)
    hashes = rng.integers(0, 2**32, types).astype(np.uint32)
    item_of = np.array([2, 0, -1, 1, -1, 3], np.int32)
    order = rng.permutation(texts)
    for next_row in (4, -1):
        results = []
        for list_items in (kernel.list_items, kernel.list_items_reference):
            row_of = np.full(31, -1, np.int32)
            row_of[rng.integers(0, 31)] = 3
            row_of[:] = np.where(np.arange(31) == seed % 31, 3, -1)
            items = np.zeros(len(ids) * ngrams, np.int32)
            item_offsets = np.zeros(texts + 1, np.int64)
            end = list_items(
                ids, offsets, order, item_of, hashes, ngrams, row_of, next_row, 7, items,
                item_offsets,
            )  # fmt: skip
            results.append((end, items[: item_offsets[-1]], item_offsets, row_of))
        for mine, twin in zip(*results, strict=True):
            np.testing.assert_array_equal(mine, twin)
        pieces = rng.integers(0, 9, 20).astype(np.int32)
        piece_offsets = np.sort(rng.integers(0, 21, 6))
        piece_offsets[[0, -1]] = 0, 20
        args = (results[0][1], results[0][2], 3, pieces, piece_offsets)
        for mine, twin in zip(
            kernel.expand_items(*args), kernel.expand_items_reference(*args), strict=True
        ):
            np.testing.assert_array_equal(mine, twin)


def test_word_ngrams_are_hashed_as_fasttext_does():
    """The formula of the module's docstring, worked in plain integers."""
    words = ["학교", "is", "out"]
    hashes = np.array([fasttext_hash(w.encode()) for w in words], np.uint32)
    signed = [h - 2**32 if h >= 2**31 else h for h in map(int, hashes)]
    assert any(h < 0 for h in signed)
    key = signed[0]
    for value in signed[1:]:
        key = key * 116049371 + value
    assert kernel.word_ngram_bucket(hashes, 2_000_000) == key % 2**64 % 2_000_000


@given(st.lists(st.text("ab\0é한😀", max_size=20), max_size=12))
def test_tokens_packed_are_found_again(tokens):
    encoded = [token.encode() for token in dict.fromkeys(tokens)]
    data = np.frombuffer(b"".join(encoded), np.uint8)
    offsets = np.cumsum([0, *map(len, encoded)])
    np.testing.assert_array_equal(
        kernel.hash_tokens(data, offsets), kernel.hash_tokens_reference(data, offsets)
    )
    words, ends = kernel.pack_tokens(data, offsets)
    starts = np.concatenate([[0], ends])
    assert len({tuple(words[a:b]) for a, b in itertools.pairwise(starts)}) == len(encoded)
    plain = [i for i, token in enumerate(encoded) if token and b"\0" not in token]
    found, spans = kernel.unpack_tokens(words, starts, np.array(plain, np.int64))
    assert found.tobytes() == b"".join(encoded[i] for i in plain)
    assert np.diff(spans).tolist() == [len(encoded[i]) for i in plain]


def model_of(problem):
    """A model with random rows, as wide as training leaves them."""
    rng = np.random.default_rng(problem.seed)
    bags, dim = problem.bags, problem.dim
    table = np.zeros((bags.num_rows, padded(dim)), np.float32)
    table[:, :dim] = rng.normal(size=(len(table), dim))
    labels = rng.normal(size=(len(problem.labels.counts), dim)).astype(np.float32)
    words, buckets = table[: bags.num_words], table[bags.num_words :]
    none = np.zeros((0, 2), np.int32)
    return BagModel(problem.features, Words(), words, buckets, labels, none, 0)


def probabilities(model, texts, threads=2):
    found = np.empty((len(texts), len(model.labels)), np.float32)

    def keep(first, last, some):
        found[first:last] = some

    model.each_probabilities(texts, threads, keep)
    return found


@pytest.mark.parametrize("dim", [3, 16, 50, 100])
@pytest.mark.parametrize(
    "features",
    [{}, {"word_ngrams": 3}, {"min_n": 1, "max_n": 3}, {"max_n": 4, "word_ngrams": 2}],
    ids=str,
)
def test_scores_of_texts_agree_with_those_of_token_lists(dim, features):
    """Texts go through the compiled scan, lists of their tokens through the plain way."""
    problem = Problem(5, "softmax", dim=dim, min_count=3, **features)
    model = model_of(problem)
    texts = texts_of(9, 60, vocabulary=[*ALPHABET, "new", "cats", "unbekannt", "학교에서", "é́"])
    texts += ["", "!?", "new\nlines\n", "Σίσυφος ΣΑΣ", "a" * 300]
    lists = [Words().tokens(text) for text in texts]
    compiled, plain = probabilities(model, texts), probabilities(model, lists)
    np.testing.assert_allclose(compiled, plain, rtol=2e-5, atol=1e-6)
    assert np.ptp(compiled[:, 0]) > 0.1
    stored = BagModel(
        model.features, Words(), np.ascontiguousarray(model.words[:, :dim]),
        np.ascontiguousarray(model.buckets[:, :dim]), model.labels, model.children, model.loss,
    )  # fmt: skip
    np.testing.assert_array_equal(probabilities(stored, texts), compiled)  # rows without padding
    assert probabilities(model, texts, threads=5).tobytes() == compiled.tobytes()


def test_rows_of_a_text_are_its_words_and_ngrams():
    """The mean, worked from the definition: rows, buckets, and those that were never seen."""
    problem = Problem(7, "softmax", max_n=3, word_ngrams=2, num_buckets=1000, min_count=2)
    model, features = model_of(problem), problem.features
    text = "cat unseen dog's"
    tokens = Words().tokens(text)
    row_of = features.row_of_bucket()
    spelled = [word.decode() for word in features.spelling()]
    rows = [spelled.index(token) for token in tokens if token in spelled]
    for token in tokens:
        rows += [row_of[b] for b in bucket_ids(token, 0, 3, 1000).tolist()]
    hashes = np.array([fasttext_hash(token.encode()) for token in tokens], np.uint32)
    for pair in (hashes[:2], hashes[1:]):
        rows.append(row_of[kernel.word_ngram_bucket(pair, 1000)])
    table = np.concatenate([model.words, model.buckets])[:, : model.dim]
    mean = table[[row for row in rows if row >= 0]].mean(axis=0)
    scores = model.labels @ mean
    expected = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(probabilities(model, [text])[0], expected, rtol=1e-5)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=40))
def test_huffman_tree_is_optimal_and_prefix_free(counts):
    import heapq

    tree = build_tree(np.array(counts, np.int64))
    heap = list(counts)
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        cost += both
        heapq.heappush(heap, both)
    lengths = np.diff(tree.path_offsets)
    assert int(lengths @ np.array(counts)) == cost
    assert sum(2.0**-length for length in lengths.tolist()) == 1.0
    for label, (begin, end) in enumerate(itertools.pairwise(tree.path_offsets.tolist())):
        at = 2 * len(counts) - 2
        for node, turn in zip(tree.path_nodes[begin:end], tree.path_turns[begin:end], strict=True):
            assert at == node + len(counts)
            at = tree.children[node, int(turn)]
        assert at == label


@given(seed=st.integers(0, 2**31), num_labels=st.integers(2, 40))
@settings(max_examples=20)
def test_leaf_probabilities_agree_with_the_twin(seed, num_labels):
    rng = np.random.default_rng(seed)
    tree = build_tree(rng.integers(1, 100, num_labels))
    scores = rng.normal(size=(5, num_labels - 1)).astype(np.float32) * 4
    expected = classify_kernel.probabilities_reference(
        scores, classify_kernel.HIERARCHICAL, tree.children
    )
    reached = np.empty((5, 2 * num_labels - 1), np.float32)
    classify_kernel.leaf_probabilities(scores, tree.children, reached)
    np.testing.assert_allclose(reached[:, :num_labels], expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-5)

"""Ways through the tree of hierarchical softmax, found again by search; blocks side by side."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sajeon.learn.hierarchical import HierarchicalWord2Vec, paths_of
from sajeon.learn.huffman import build_tree
from sajeon.learn.reference import run_rounds_reference
from sajeon.learn.schedule import Schedule
from sajeon.learn.trainer import Trainer

MODELS = ["skipgram", "cbow"]


def read_only(*arrays):
    """As a corpus is in training, so that kernels are compiled for one kind of array."""
    for array in arrays:
        array.flags.writeable = False
    return arrays


def way_by_search(tree, word, node):
    """The way from a node down to a word, if it is below: [(node, goes left)]."""
    num_words = len(tree.children) + 1
    for side in (0, 1):
        child = tree.children[node, side]
        if child == word:
            return [(node, side == 0)]
        if child >= num_words:
            below = way_by_search(tree, word, child - num_words)
            if below is not None:
                return [(node, side == 0), *below]
    return None


@given(counts=st.lists(st.integers(0, 10**6), min_size=2, max_size=60))
@settings(max_examples=50, deadline=None)
def test_paths_are_the_ways_down_the_tree_with_the_root_as_node_0(counts):
    counts = np.array(counts, np.int64)
    tree, paths = build_tree(counts), paths_of(counts)
    root = len(tree.children) - 1
    for word in range(len(counts)):
        nodes, labels = paths.of(word)
        expected = way_by_search(tree, word, root)
        assert nodes.tolist() == [root - node for node, _ in expected]
        assert labels.tolist() == [float(left) for _, left in expected]


@pytest.mark.parametrize("model", MODELS)
@given(
    seed=st.integers(0, 2**31),
    num_words=st.sampled_from([2, 3, 40, 300]),
    dim=st.sampled_from([1, 16, 33]),
    window=st.integers(1, 8),
)
@settings(max_examples=6, deadline=None)
def test_few_words_and_wide_windows_compiled_agree_with_the_twin(
    model, seed, num_words, dim, window
):
    """Two words have one node; windows hold repeats, and sequences are empty or cut."""
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, 30, 1, 0, 7, 400, 2, 90], dtype=np.int64)
    weights = 1 / np.arange(1, num_words + 1)
    ids = rng.choice(num_words, offsets[-1], p=weights / weights.sum()).astype(np.int32)
    counts = np.bincount(ids, minlength=num_words)  # some of them 0
    objective = HierarchicalWord2Vec(
        *read_only(ids, offsets), counts, model=model, dim=dim, window=window, sample=1e-2, seed=1
    )
    trained = Trainer(objective, 530, epochs=1, lr=0.05, lr_end=1e-3, threads=1).run()
    table = np.zeros((2 * num_words - 1, dim), np.float32)
    objective.initialise(table)
    blocks = objective.blocks
    schedule = Schedule(1, len(blocks), blocks.per_round, epochs=1, lr=0.05, lr_end=1e-3)
    rounds = list(run_rounds_reference(objective, table, schedule))
    found = np.concatenate([trained.tables["input"], trained.tables["nodes"]])
    np.testing.assert_allclose(found, table, rtol=2e-4, atol=2e-5)
    assert trained.pairs == sum(pairs for _, _, pairs in rounds)


@pytest.mark.parametrize(("model", "lr"), [("skipgram", 0.025), ("cbow", 0.05), ("cbow", 0.2)])
def test_blocks_side_by_side_learn_what_they_learn_one_by_one(model, lr):
    """Few words, so that all blocks move the same rows, and the root moves in every block."""
    rng = np.random.default_rng(0)
    num_words, num_tokens = 2100, 300_000
    topic = np.repeat(rng.integers(0, num_words // 10, num_tokens // 10), 10)
    common = np.minimum((rng.pareto(1.0, num_tokens) * 5).astype(int), num_words - 1)
    of_topic = topic * 10 + rng.integers(0, 10, num_tokens)
    ids = np.where(rng.random(num_tokens) < 0.5, of_topic, common).astype(np.int32)
    counts = np.bincount(ids, minlength=num_words).astype(np.int64) + 1
    ids, offsets = read_only(ids, np.arange(0, num_tokens + 1, 20))
    losses = []
    for per_round in (1, 16):
        objective = HierarchicalWord2Vec(
            ids, offsets, counts, model=model, dim=32, window=5, sample=0, seed=1
        )
        objective.blocks = replace(objective.blocks, per_round=per_round)
        trainer = Trainer(objective, num_tokens, epochs=3, lr=lr, lr_end=lr / 250, threads=2)
        losses.append(trainer.run().loss)
    assert losses[1] < 1.03 * losses[0]

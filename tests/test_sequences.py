"""Items in order and walks over graphs, by hand, by twins and by their frequencies."""

import gzip
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sajeon.errors import FormatError
from sajeon.kernels import _compile, walks
from sajeon.sequences import random_walks, read_sequences
from sajeon.sequences.graph import _read

EVENTS = """user,movie,when
b,2,30
a,1,20
b,1,4
a,3,100
a,2,20
"""


def written(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_items_come_in_order_by_sequence(tmp_path):
    path = written(tmp_path, EVENTS)
    given = {"sequence": "user", "item": "movie"}
    # 4 < 30 as numbers, not as texts; equal places keep the order of the file.
    assert list(read_sequences(path, order="when", **given)) == [["1", "2"], ["1", "2", "3"]]
    assert list(read_sequences(path, **given)) == [["2", "1"], ["1", "3", "2"]]


def test_places_may_be_dates(tmp_path):
    path = written(tmp_path, "u,i,t\nx,1,2024-02-01\nx,2,2023-12-31\n")
    assert list(read_sequences(path, sequence="u", item="i", order="t")) == [["2", "1"]]


def test_titles_stand_for_items_and_are_distinct(tmp_path):
    titles = written(tmp_path, "movie,title\n1,Emma\n2,Emma\n9,Other\n", "titles.csv")
    found = read_sequences(
        written(tmp_path, EVENTS), sequence="user", item="movie", titles=(titles, "title")
    )
    assert list(found) == [["Emma [2]", "Emma [1]"], ["Emma [1]", "3", "Emma [2]"]]


def test_several_files_are_one_table(tmp_path):
    (tmp_path / "1.csv.gz").write_bytes(gzip.compress(b"u,i\nx,1\ny,2\n"))
    written(tmp_path, "i,u\n3,x\n", "2.csv")
    found = read_sequences(str(tmp_path / "?.csv*"), sequence="u", item="i")
    assert list(found) == [["1", "3"], ["2"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (EVENTS.replace("user", "who"), "there is no column 'user'; the columns are who, movie"),
        (EVENTS + "a,4,late\n", "'when' is to say the order, but 'late' and 30.0 cannot be"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, said):
    with pytest.raises(FormatError, match=said):
        read_sequences(written(tmp_path, text), sequence="user", item="movie", order="when")


# Walks.

EDGES = "from,to,w\na,b,1\nb,c,2\nc,a,1\nc,d,4\na,b,2\nd,d,1\n"


def test_a_graph_is_its_neighbours(tmp_path):
    graph = _read(written(tmp_path, EDGES), "from", "to", "w", False)
    assert graph.nodes == ["a", "b", "c", "d"]
    assert graph.starts.tolist() == [0, 2, 4, 7, 9]
    assert graph.edges.tolist() == [1, 2, 0, 2, 0, 1, 3, 2, 3]
    assert np.diff(graph.cumulative, prepend=0).tolist() == [3, 1, 3, 2, 1, 2, 4, 4, 1]
    directed = _read(written(tmp_path, EDGES), "from", "to", None, True)
    assert directed.starts.tolist() == [0, 1, 2, 4, 5]


def exact_chances(p, q):
    """Of the node after (before, here), as node2vec's equation has it: a plain table."""
    weights = {"ab": 3, "bc": 2, "ca": 1, "cd": 4, "dd": 1}
    weights |= {pair[::-1]: w for pair, w in weights.items()}

    def factor(before, there):
        return 1 / p if there == before else 1 if before + there in weights else 1 / q

    for before, here in weights:
        chances = {
            there: weights[here + there] * factor(before, there)
            for there in "abcd"
            if here + there in weights
        }
        total = sum(chances.values())
        yield (before, here), {there: value / total for there, value in chances.items()}


@pytest.mark.parametrize(("p", "q"), [(1, 1), (0.25, 4), (4, 0.5)])
def test_walks_go_on_as_often_as_the_equation_says(tmp_path, p, q):
    found = random_walks(
        written(tmp_path, EDGES), source="from", target="to", weight="w", walks=500, length=40,
        p=p, q=q,
    )  # fmt: skip
    steps = [walk[i : i + 3] for walk in found for i in range(len(walk) - 2)]
    for pair, chances in exact_chances(p, q):
        seen = [there for *before, there in steps if tuple(before) == pair]
        counts = [seen.count(there) for there in chances]
        assert sum(counts) == len(seen) > 500
        expected = [share * len(seen) for share in chances.values()]
        if len(expected) > 1:
            assert stats.chisquare(counts, expected).pvalue > 1e-4, pair


@pytest.mark.skipif(not _compile.HAVE_NUMBA, reason="Numba is missing: only the twin exists")
@given(seed=st.integers(0, 2**20), p=st.floats(0.01, 100), q=st.floats(0.01, 100))
@settings(max_examples=25, deadline=None)
def test_the_kernel_walks_as_its_twin(seed, p, q):
    generator = np.random.default_rng(seed)
    nodes, edges = 6, []
    starts = [0]
    for _ in range(nodes):
        edges += sorted(generator.choice(nodes, generator.integers(0, 5), replace=False).tolist())
        starts.append(len(edges))
    graph = (
        np.array(starts),
        np.array(edges, np.int32),
        np.cumsum(generator.random(len(edges)) + 0.1),
    )
    for node in range(nodes):
        ours, theirs = np.full((2, 12), -1, np.int32)
        size = walks.walk(*graph, node, 3, p, q, seed, ours)
        assert size == walks.walk_reference(*graph, node, 3, p, q, seed, theirs)
        np.testing.assert_array_equal(ours, theirs)


def test_walks_end_at_dead_ends_and_depend_on_the_seed(tmp_path):
    path = written(tmp_path, "a,b\nx,y\ny,z\n")
    given = {"source": "a", "target": "b", "directed": True, "walks": 2, "length": 5}
    found = list(random_walks(path, **given))
    assert sorted(found) == sorted([["x", "y", "z"], ["y", "z"], ["z"]] * 2)
    ring = "\n".join(["a,b", *(f"{i},{(i + 1) % 9}" for i in range(9))])
    path = written(tmp_path, ring)
    first, again, other = (
        list(random_walks(path, source="a", target="b", seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len(first) == 90
    assert all(len(walk) == 80 for walk in first)


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        ({"p": 0}, "p must be from 0.01 to 100, got 0"),
        ({"q": float("nan")}, "q must be from"),
        ({"length": 1}, "length must be from 2 to"),
        ({"walks": 0}, "walks must be at least 1"),
        ({"weight": "w"}, r"row 1: expected a weight above 0, got '-1'"),
    ],
)
def test_bad_walks_are_refused(tmp_path, settings_, said):
    path = written(tmp_path, "a,b,w\n1,2,-1\n")
    with pytest.raises((ValueError, FormatError), match=said):
        random_walks(path, source="a", target="b", **settings_)


def test_neighbours_in_a_graph_are_neighbours_in_space(tmp_path):
    import sajeon

    random.seed(1)
    pairs = [(i, j) for c in range(4) for i in range(15) for j in range(i) if random.random() < 0.5]
    lines = [f"{c}-{i},{c}-{j}" for c in range(4) for i, j in pairs[::4]]
    lines += [f"{c}-0,{(c + 1) % 4}-0" for c in range(4)]
    path = written(tmp_path, "\n".join(["a,b", *lines]))
    walked = random_walks(path, source="a", target="b", walks=40, length=20)
    vectors = sajeon.train(walked, dim=16, min_count=1, sample=0, epochs=5)
    near = [token[0] for token, _ in vectors.nearest("2-5", k=8)]
    assert near.count("2") >= 7

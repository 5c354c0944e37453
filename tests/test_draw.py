"""The counter-based generator: published values, twins that agree, and statistical smoke tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sajeon.kernels import draw as kernel
from sajeon.kernels._compile import inline
from sajeon.kernels.draw import alias_draw, draw, draw_below, low_bits
from sajeon.sampling import build_alias

words = st.integers(0, 2**64 - 1)
WORD = 2**64


NAMES = ("_finalise", "_scale", "draw", "block_key", "draw_below", "to_unit")
NAMES += ("high_bits", "low_bits", "alias_draw")


@pytest.fixture(params=["compiled", "python"], scope="module")
def run(request):
    """Call a kernel by name, compiled or as Python all through."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "python":
            for name in NAMES:
                function = getattr(kernel, name)
                patch.setattr(kernel, name, getattr(function, "py_func", function))

        def call(name, *arguments):
            with np.errstate(over="ignore"):  # as Python, products that wrap around are warned of
                return getattr(kernel, name)(*arguments)

        yield call


def splitmix64(state, number):
    """The generator as published: a state that moves by the golden ratio, and is then mixed."""
    out = []
    for _ in range(number):
        state = (state + 0x9E3779B97F4A7C15) % WORD
        z = state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % WORD
        z = (z ^ z >> 27) * 0x94D049BB133111EB % WORD
        out.append(z ^ z >> 31)
    return out


def test_draws_are_the_published_values_of_splitmix64(run):
    """For the seed 1234567, as test vectors of the algorithm give them."""
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert splitmix64(1234567, 5) == expected
    assert [int(run("draw", 1234567, i)) for i in range(5)] == expected
    assert kernel.draw_reference(1234567, np.arange(5)).tolist() == expected


@given(words, st.integers(0, 2**63 - 1))
def test_a_draw_is_the_same_from_all_three(run, key, i):
    twin = kernel.draw_reference(np.array([key], np.uint64), np.array([i]))
    assert twin.dtype == np.uint64
    state = (key + i * 0x9E3779B97F4A7C15) % WORD
    assert [int(run("draw", np.uint64(key), np.int64(i)))] == twin.tolist()
    assert twin.tolist() == splitmix64(state, 1)


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**6), st.integers(0, 10**12))
def test_block_keys_agree_with_the_twin(run, seed, epoch, block):
    expected = int(kernel.block_key_reference(seed, epoch, block))
    assert int(run("block_key", seed, epoch, block)) == expected
    together = kernel.block_key_reference(seed, np.array([epoch]), np.array([[block], [block]]))
    assert together.tolist() == [[expected], [expected]]


@st.composite
def edges(draw_from):
    """A draw beside the edge between two slots of ``n``, where its lower half decides."""
    n = draw_from(st.integers(1, 2**32) | st.integers(1, 20))
    edge = draw_from(st.integers(0, n - 1)) * WORD // n
    return min(edge + draw_from(st.integers(0, 1)), WORD - 1), n


@given(st.tuples(words, st.integers(1, 2**32)) | edges())
def test_draw_below_is_the_product_rounded_down(run, problem):
    x, n = problem
    assert int(run("draw_below", np.uint64(x), n)) == x * n // WORD
    assert kernel.draw_below_reference([x], n).tolist() == [x * n // WORD]


@given(words)
def test_parts_of_a_draw(run, x):
    word = np.uint64(x)
    assert int(run("high_bits", word)) == x >> 32
    assert int(run("low_bits", word)) == x % 2**32
    unit = run("to_unit", word)
    assert unit == (x >> 11) / 2**53
    assert kernel.to_unit_reference([x]).tolist() == [unit]
    assert 0.0 <= unit < 1.0


@given(words, st.lists(st.integers(0, 50), min_size=1, max_size=20).filter(any))
def test_alias_draws_agree_with_the_twin_and_with_whole_numbers(run, x, counts):
    threshold, alias = build_alias(counts)
    slot, rest = divmod(x * len(counts) >> 32, 2**32)
    expected = slot if rest < threshold[slot] else alias[slot]
    assert run("alias_draw", np.uint64(x), threshold, alias) == expected
    assert kernel.alias_draw_reference([x], threshold, alias).tolist() == [expected]
    assert counts[expected] > 0


def test_compiled_results_have_the_types_that_kernels_rely_on():
    """An int64 combined with a uint64 is a float64 in Numba, silently."""
    if not hasattr(draw, "py_func"):
        pytest.skip("kernels are not compiled here")

    @inline
    def several(key, i, threshold, alias):
        x = draw(key, i)
        return x, draw_below(x, i + 1), low_bits(x), alias_draw(x, threshold, alias)

    results = several(np.int64(3), np.int64(4), *build_alias([1, 2]))
    assert results[0] == kernel.draw_reference(3, 4)
    (signature,) = several.nopython_signatures
    assert [str(t) for t in signature.return_type] == ["uint64", "uint64", "uint32", "int64"]


def test_alias_draws_fit_the_probabilities():
    stats = pytest.importorskip("scipy.stats")
    counts = np.array([50, 10, 5, 20, 5, 10, 0, 1])
    x = kernel.draw_reference(kernel.block_key_reference(1, 0, 0), np.arange(400_000))
    seen = np.bincount(kernel.alias_draw_reference(x, *build_alias(counts)), minlength=8)
    assert seen[6] == 0
    occurs = counts > 0
    expected = counts[occurs] / counts.sum() * len(x)
    assert stats.chisquare(seen[occurs], expected).pvalue > 1e-4


SOURCES = {
    "draws of one key": lambda: kernel.draw_reference(7, np.arange(200_000)),
    "keys of blocks": lambda: kernel.block_key_reference(1, 0, np.arange(200_000)),
    "keys of epochs": lambda: kernel.block_key_reference(1, np.arange(200_000), 0),
    "keys of seeds": lambda: kernel.block_key_reference(np.arange(200_000), 0, 0),
    "first draws of blocks": lambda: kernel.draw_reference(
        kernel.block_key_reference(1, 0, np.arange(200_000)), 0
    ),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_bytes_and_bits_are_even_and_neighbours_do_not_resemble_each_other(source):
    stats = pytest.importorskip("scipy.stats")
    x = source()
    assert len(np.unique(x)) == len(x)
    for byte in x.view(np.uint8).reshape(-1, 8).T:
        assert stats.chisquare(np.bincount(byte, minlength=256)).pvalue > 1e-5
    bits = np.unpackbits(x.view(np.uint8).reshape(-1, 8), axis=1)  # (200,000, 64)
    limit = 5.0 * 0.5 / np.sqrt(len(x))  # five standard errors of a share of one half
    assert np.abs(bits.mean(axis=0) - 0.5).max() < limit
    flipped = bits[1:] ^ bits[:-1]
    assert np.abs(flipped.mean(axis=0) - 0.5).max() < limit
    units = kernel.to_unit_reference(x)
    assert abs(np.corrcoef(units[1:], units[:-1])[0, 1]) < 5.0 / np.sqrt(len(x))
    signs = bits.astype(np.float32) * 2 - 1  # each pair of bit positions
    products = signs.T @ signs / len(x) - np.eye(64, dtype=np.float32)
    assert np.abs(products).max() < 5.5 / np.sqrt(len(x))


def test_streams_of_neighbouring_blocks_share_no_draw():
    keys = kernel.block_key_reference(1, np.arange(2)[:, None], np.arange(200))  # (2, 200)
    x = kernel.draw_reference(keys[..., None], np.arange(1000))
    assert len(np.unique(x)) == x.size

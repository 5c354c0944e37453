"""Numbers as text: the compiled forms against Python's own."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sajeon.formats.beginning import number_of
from sajeon.kernels import decimals as d
from sajeon.kernels import digits
from sajeon.kernels._compile import HAVE_NUMBA

pytestmark = pytest.mark.skipif(not HAVE_NUMBA, reason="without Numba the twins are used")


def parsed(text, dim, at_end=True):
    """Parse with the kernel, fields that it leaves to Python included."""
    data = np.frombuffer(text, np.uint8)
    capacity = text.count(b"\n") + 1
    rows, bounds = np.empty((capacity, dim), np.float32), np.empty((capacity, 2), np.int64)
    uncertain = np.empty((capacity * dim, 4), np.int64)
    why, filled, unsure, _, _ = d.parse_rows(data, 0, len(data), at_end, rows, bounds, uncertain)
    if why == d.WRONG_FIELDS:
        raise ValueError("fields")
    assert why == d.DONE
    for row, column, begin, end in uncertain[:unsure].tolist():
        rows[row, column] = number_of(text[begin:end])
    return [text[a:b] for a, b in bounds[:filled].tolist()], rows[:filled]


def result(parse, *arguments):
    try:
        tokens, rows = parse(*arguments)
    except ValueError:
        return "ValueError"
    return tokens, rows.tobytes()


def floats():
    return st.integers(0, 2**32 - 1).map(
        lambda bits: np.array([bits], np.uint32).view(np.float32)[0]
    )


NUMBERS = st.one_of(
    st.floats(width=32).map(repr),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=9).map(str),
    st.from_regex(r"[+-]?[0-9]{1,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(["nan", "-inf", "1_0", "0x1", "--1", ".", "1e", "1e+", "5.", ".5", "", "१"]),
)


@given(st.lists(NUMBERS, min_size=1, max_size=4))
@example(["16777217", "1.00000005960464477539", "7.038531e-26", "3.4028236e38", "1e-46"])
@example(["9007199254740993", "0.000000000000000000000000000000000000000000001", "-0.0", "00"])
def test_numbers_read_as_python_reads_them(numbers):
    text = ("a " + " ".join(numbers)).encode()
    expected = result(d.parse_rows_reference, [text], len(numbers))
    assert result(parsed, text, len(numbers)) == expected


FIELDS = st.lists(
    st.sampled_from(["1", "-2.5", "a", "b c", "", " ", "\t", "\r", "1e5", "x1", "\u00a0", "가"]),
    max_size=6,
)


@given(st.lists(FIELDS, max_size=4), st.integers(1, 3))
@example([["new", "york", "1", "2"], ["", "1", "2"], ["a", "1", "2", "\r"]], 2)
def test_lines_are_parted_as_the_twin_parts_them(lines, dim):
    text = "\n".join(" ".join(fields) for fields in lines).encode()
    expected = result(d.parse_rows_reference, text.split(b"\n"), dim)
    assert result(parsed, text, dim) == expected


def test_a_line_cut_by_the_end_of_the_data_is_left_for_the_next_call():
    text = b"a 1 2\nb 3 4"
    tokens, rows = parsed(text, 2, at_end=False)
    assert (tokens, rows.tolist()) == ([b"a"], [[1, 2]])


def written(rows):
    out, ends = np.empty(rows.size * digits.LONGEST, np.uint8), np.empty(len(rows), np.int64)
    used = digits.format_rows(rows, out, ends)
    assert used == ends[-1]
    return [part.tobytes() for part in np.split(out[:used], ends[:-1])]


@given(st.lists(floats(), min_size=1, max_size=20))
@example([np.float32(x) for x in (0.1, 1e-45, 3.4028235e38, 9.9999999e8, 1e9, 1e-5, 123456.0)])
@example([np.float32(10.0**e) for e in range(-45, 39)])
def test_numbers_are_written_to_be_read_back_to_the_same_bits(numbers):
    rows = np.array(numbers, np.float32)[:, None]
    texts = written(rows)
    expected = digits.format_rows_reference(rows)
    for number, text, twin in zip(rows[:, 0], texts, expected, strict=True):
        back = np.float32(float(text))
        assert back.tobytes() == number.tobytes() or (np.isnan(back) and np.isnan(number))
        assert len(text) == len(twin) <= digits.LONGEST


def test_every_size_of_number_is_read_back():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2**32, 300_000, dtype=np.uint32).view(np.float32).reshape(-1, 3)
    rows = rows[np.isfinite(rows).all(axis=1)]
    text = b"\n".join(b"t" + line for line in written(rows))
    assert parsed(text, 3)[1].tobytes() == rows.tobytes()

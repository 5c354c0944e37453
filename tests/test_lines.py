"""Vectors as text and in word2vec's binary form: oddities have one meaning, mistakes are told."""

import gzip
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sajeon.errors import FormatError, FormatWarning
from sajeon.formats.registry import open_file
from sajeon.formats.selection import ALL, Selection, collect
from sajeon.kernels.records import split_records, split_records_reference

GOOD = "2 3\ncat 0.5 -1 2e-3\n강아지 1 2 3\n"


def headed(header):
    return header + GOOD.removeprefix("2 3")


def opened(path, selection=ALL, **options):
    file = open_file(path, **options)
    found = collect(file, selection)
    return file.format, list(found.tokens), found.matrix


def binary(rows, header=None, end=b"\n"):
    first = header or f"{len(rows)} {len(rows[0][1])}"
    body = b"".join(t + b" " + np.array(list(v), "<f4").tobytes() + end for t, v in rows)
    return first.encode() + b"\n" + body


ROWS = [(b"cat", [0.5, -1, 2e-3]), ("강아지".encode(), [1, 2, 3])]
EXPECTED = np.array([[0.5, -1, 2e-3], [1, 2, 3]], np.float32)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (GOOD, "word2vec-text"),
        (GOOD.partition("\n")[2], "glove"),
        (GOOD.rstrip("\n"), "word2vec-text"),
        (GOOD.replace("\n", "\r\n"), "word2vec-text"),
        (GOOD.replace("\n", " \n"), "word2vec-text"),
        (GOOD.replace(" ", "\t"), "word2vec-text"),
        (GOOD + "\n\n", "word2vec-text"),
        (GOOD.replace("cat", "\n  cat "), "word2vec-text"),
        ("\ufeff" + GOOD, "word2vec-text"),
        ("\ufeff" + GOOD.partition("\n")[2], "glove"),
        (GOOD.replace("2e-3", "0.00200000009499490261077880859375"), "word2vec-text"),
        (binary(ROWS), "word2vec"),
        (binary(ROWS, end=b""), "word2vec"),
        (binary(ROWS, header="  2 3"), "word2vec"),
    ],
)
def test_forms_are_told_by_content_and_read_alike(text_file, content, kind):
    found, tokens, matrix = opened(text_file(content, "no-suffix"))
    assert (found, tokens) == (kind, ["cat", "강아지"])
    np.testing.assert_array_equal(matrix, EXPECTED)


@pytest.mark.parametrize("small", [False, True])
def test_a_text_is_read_alike_in_pieces_of_any_size(text_file, monkeypatch, small):
    from sajeon import files
    from sajeon.formats import lines

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 7)).astype(np.float32)
    lines_of = (f"t {i} " + " ".join(map(repr, r.tolist())) for i, r in enumerate(rows))
    text = "\n".join(["500 7", *lines_of])
    if small:
        monkeypatch.setattr(files, "BLOCK", 100)
        monkeypatch.setattr(lines, "_PARSED_AT_ONCE", 150)
    _, tokens, matrix = opened(text_file(text))
    assert tokens == [f"t {i}" for i in range(500)]
    np.testing.assert_array_equal(matrix, rows)


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ("new york 1 2 3", "new york"),
        ("1 2 1 2 3", "1 2"),
        (". . . 1 2 3", ". . ."),
        (" 1 2 3", ""),
        ("a\u00a0b 1 2 3", "a\u00a0b"),
        ("\u3000 1 2 3", "\u3000"),
        ("a\tb\t1\t2\t3", "a\tb"),
        ("  a 1 2 3", "a"),
        ("# 1 2 3", "#"),
    ],
)
def test_the_last_numbers_of_a_line_are_the_vector_and_the_rest_is_the_token(
    text_file, line, token
):
    _, tokens, matrix = opened(text_file(headed("3 3") + line + "\n"))
    assert tokens[2] == token
    assert matrix[2].tolist() == [1, 2, 3]


def test_a_repeated_token_counts_once_and_odd_numbers_are_kept_with_a_warning(text_file):
    path = text_file("4 1\na 1\nb nan\na 3\nc inf\n")
    with pytest.warns(FormatWarning, match=r"1 rows repeat a token .* 2 rows hold NaN or inf"):
        _, tokens, matrix = opened(path)
    assert tokens == ["a", "b", "c"]
    np.testing.assert_array_equal(matrix[:, 0], np.array([1, np.nan, np.inf], np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (headed("3 3"), r":1: the header promises 3 rows, the file has 2"),
        (headed("1 3"), r":1: the header promises 1 rows, the file has 2"),
        (headed("2519370 300"), r":1: the header promises 2,519,370 rows of 300"),
        (headed("1000000000000 3"), r":1: the header promises 1,000,000,000,000"),
        (headed("2 4"), r":2: expected a token and 4 numbers, got 3 numbers: b'cat"),
        (GOOD.replace(" 2 3\n", " 2\n"), r":3: expected a token and 3 numbers, got 2 numbers"),
        (GOOD.replace(" 2 3\n", " x 3\n"), r":3: expected a number, got b'x' after b'\\xea"),
        (GOOD.replace("2e-3", "2e-3x"), r":2: expected a number, got b'2e-3x'"),
        (GOOD.replace("2e-3", "1_0"), r":2: expected a number, got b'1_0'"),
        (headed("2 0"), r"expected 1 to 65,536 numbers a row, got 0"),
        (headed("2 999999999"), r"expected 1 to 65,536 numbers a row"),
        ("", "expected vectors in a known form .* got an empty file"),
        ("once upon a time\nthere was\n", "expected vectors in a known form"),
        (binary(ROWS, "4 3"), r"byte 0: the header promises 4 rows of 3 .* 52 bytes; 40 follow"),
        (binary(ROWS)[:-5], r"byte 20: the header promises 2 rows, the file ends in row 2"),
        (binary(ROWS, "1 3"), r"byte 20: after the 1 rows .* goes on"),
        (binary([(b"new york", [1, 2, 3])]), r"byte .*(promises|goes on)"),
        (binary(ROWS, "2 0"), "expected 1 to 65,536 numbers a row, got 0"),
        (binary(ROWS, "1000000000000 3"), "byte 0: the header promises 1,000,000,000,000 rows"),
    ],
)
def test_what_is_wrong_is_an_error_that_says_where(text_file, content, message):
    with pytest.raises(FormatError, match=message):
        opened(text_file(content))


@pytest.mark.parametrize(
    ("content", "num"),
    [
        (headed("2519370 3"), 2),
        (headed("1 3"), 2),
        (binary(ROWS, "99 3"), 2),
        (binary(ROWS)[:-5], 1),
        (binary(ROWS, "1 3"), 1),
    ],
)
def test_lenient_reading_takes_the_rows_that_are_there(text_file, content, num):
    _, tokens, matrix = opened(text_file(content), strict=False)
    assert tokens == ["cat", "강아지"][:num]
    np.testing.assert_array_equal(matrix, EXPECTED[:num])


@pytest.mark.parametrize("content", [GOOD.encode(), binary(ROWS)])
def test_tokens_that_are_not_utf8_are_an_error_or_mended(text_file, content):
    path = text_file(content.replace("강아지".encode(), b"\xb0\xadx"))
    with pytest.raises(FormatError, match=r"row 2: expected a token in UTF-8, got b'\\xb0\\xadx'"):
        opened(path)
    assert opened(path, Selection(errors="replace"))[1] == ["cat", "\ufffd\ufffdx"]
    assert opened(path, Selection(errors="ignore"))[1] == ["cat", "x"]


@pytest.mark.parametrize("content", [GOOD.encode(), binary(ROWS)])
def test_some_rows_are_taken(text_file, content):
    path = text_file(content)
    assert opened(path, Selection(limit=1))[1] == ["cat"]
    assert opened(path, Selection(limit=0))[1] == []
    assert opened(path, Selection(limit=9))[1] == ["cat", "강아지"]
    _, tokens, matrix = opened(path, Selection(tokens=["강아지", "zebra"]))
    assert tokens == ["강아지"]
    assert matrix.tolist() == [[1, 2, 3]]
    assert opened(path, Selection(limit=1, tokens=["강아지"]))[1] == []


def test_a_limit_does_not_read_on(text_file):
    path = text_file(headed("3 3") + "broken\n")
    assert opened(path, Selection(limit=2), strict=False)[1] == ["cat", "강아지"]


@pytest.mark.parametrize("content", [GOOD.encode(), binary(ROWS)])
@pytest.mark.parametrize("form", ["gz", "zip"])
def test_compressed_files_are_opened_as_they_are(tmp_path, content, form):
    path = tmp_path / "x"
    if form == "gz":
        path.write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside/a.txt", content)
    assert opened(path)[1] == ["cat", "강아지"]
    if form == "gz":
        path.write_bytes(gzip.compress(content)[:-12])
        with pytest.raises(FormatError, match="cut short or damaged"):
            opened(path)


def test_an_archive_of_several_files_wants_one_named(tmp_path):
    path = tmp_path / "glove.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", GOOD)
        archive.writestr("b.txt", GOOD.replace("cat", "dog"))
    with pytest.raises(FormatError, match=r"glove.zip: expected one file .* it holds .*zip/a.txt"):
        opened(path)
    assert opened(path / "b.txt")[1] == ["dog", "강아지"]
    with pytest.raises(FormatError, match=r"expected 'c.txt', once, found none"):
        opened(path / "c.txt")
    with pytest.raises(FileNotFoundError):
        opened(tmp_path / "none.zip" / "a.txt")


@pytest.mark.parametrize("name", ["/etc/x.txt", "../x.txt", "a/../../x", "C:x", "a\\..\\x"])
def test_archives_whose_members_lead_elsewhere_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("good.txt", GOOD)
        archive.writestr(zipfile.ZipInfo(name), GOOD)
    with pytest.raises(FormatError, match="leads elsewhere"):
        opened(tmp_path / "x.zip" / "good.txt")


@pytest.mark.parametrize("form", ["gz", "zip"])
def test_what_grows_without_end_is_refused(tmp_path, form, monkeypatch):
    from sajeon.formats import source

    monkeypatch.setattr(source, "_GROWTH_CHECKED_FROM", 1 << 20)
    bomb = binary([(b"%d" % i, bytes(300)) for i in range(20_000)])
    path = tmp_path / "x"
    if form == "gz":
        path.write_bytes(gzip.compress(bomb))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.txt", bomb)
    with pytest.raises(FormatError, match="have grown to"):
        opened(path, strict=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x06gensim", "gensim's own format"),
        (b"SQLite format 3\x00" + bytes(100), "SQLite"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    ],
)
def test_what_is_not_read_is_refused_with_the_reason(text_file, content, message):
    with pytest.raises(FormatError, match=message):
        opened(text_file(content))


@given(data=st.data())
def test_records_are_split_as_the_twin_splits_them(data):
    dim = data.draw(st.integers(1, 3))
    token = st.binary(max_size=6).filter(lambda t: b" " not in t)
    records = data.draw(st.lists(st.tuples(token, st.binary(min_size=4 * dim, max_size=4 * dim))))
    content = b"".join(t + b" " + r for t, r in records) + data.draw(st.binary(max_size=20))
    array = np.frombuffer(content, np.uint8)
    results = []
    for split in (split_records, split_records_reference):
        rows, tokens = np.zeros((4, 4 * dim), np.uint8), np.zeros(len(content), np.uint8)
        results.append((split(array, 0, 5, rows, tokens), rows.tolist(), tokens.tolist()))
    assert results[0] == results[1]


@pytest.mark.parametrize("compiled_from", [0, 1 << 40])
def test_binary_files_are_read_alike_compiled_or_not(text_file, monkeypatch, compiled_from):
    from sajeon import files
    from sajeon.formats import word2vec

    monkeypatch.setattr(word2vec, "_COMPILED_FROM", compiled_from)
    monkeypatch.setattr(files, "BLOCK", 1000)
    rows = np.random.default_rng(0).normal(size=(500, 7)).astype(np.float32)
    path = text_file(binary([(b"t%d" % i, row) for i, row in enumerate(rows)]))
    _, tokens, matrix = opened(path)
    assert tokens == [f"t{i}" for i in range(500)]
    np.testing.assert_array_equal(matrix, rows)

"""Columns of tables in files: against pandas' rules by the csv module, pyarrow and json."""

import bz2
import csv
import gzip
import io
import json
import lzma
import tracemalloc

import pyarrow as pa
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import feather, parquet

from sajeon.errors import FormatError
from sajeon.formats.columns import read_columns

ROWS = [("a good film", "pos"), ('he said "no", twice', "neg"), ("", "pos"), ("세상에 최고", "neg")]


def csv_of(rows, delimiter=",", **more):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, **more).writerows(rows)
    return file.getvalue()


def json_of(rows):
    lines = [json.dumps({"text": a, "label": b}, ensure_ascii=False) for a, b in rows]
    return "\n".join(lines) + "\n"


FORMS = {
    "reviews.csv": csv_of([("text", "label"), *ROWS]),
    "semicolons.csv": csv_of([("text", "label"), *ROWS], ";"),
    "quoted.tsv": csv_of([("text", "label"), *ROWS], "\t"),
    "literal.tsv": "text\tlabel\n" + "".join(f"{a}\t{b}\n" for a, b in ROWS),
    "reviews.jsonl": json_of(ROWS),
}
PACKED = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
          ".zst": zstandard.compress}  # fmt: skip


def columns(path, *names):
    return list(read_columns(path, names))


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("name", FORMS)
def test_each_form_gives_the_same_rows(text_file, name, packing):
    path = text_file(PACKED[packing](FORMS[name].encode()), name + packing)
    assert columns(path, "text", "label") == ROWS
    assert columns(path, "label") == [(label,) for _, label in ROWS]
    assert columns(path, "label", "text", "label") == [(b, a, b) for a, b in ROWS]


@pytest.mark.parametrize("name", FORMS)
def test_the_form_is_told_without_a_name(text_file, name):
    assert columns(text_file(FORMS[name], "reviews"), "text", "label") == ROWS


@pytest.mark.parametrize("write", [parquet.write_table, feather.write_feather])
def test_parquet_and_arrow(tmp_path, write):
    texts, labels = zip(*ROWS, strict=True)
    table = pa.table({"id": [1, 2, 3, None], "label": labels, "text": texts})
    path = tmp_path / "reviews"
    write(table, str(path), compression="zstd")
    assert columns(path, "text", "label") == ROWS
    assert columns(path, "id", "id") == [("1", "1"), ("2", "2"), ("3", "3"), ("", "")]


def test_a_category_of_parquet_is_a_text(tmp_path):
    labels = pa.array(["pos", "neg", None, "pos"]).dictionary_encode()
    parquet.write_table(pa.table({"label": labels}), tmp_path / "r.parquet")
    assert columns(tmp_path / "r.parquet", "label") == [("pos",), ("neg",), ("",), ("pos",)]


@pytest.mark.parametrize(
    ("value", "text"),
    [("1", "1"), ("1.5", "1.5"), ("true", "true"), ("null", ""), ("NaN", ""), ('"x"', "x")],
)
def test_values_of_json_as_texts(text_file, value, text):
    path = text_file(f'{{"label": {value}}}\n')
    assert columns(path, "label") == [(text,)]


def test_line_ends_marks_and_empty_lines_do_no_harm(text_file):
    path = text_file(b"\xef\xbb\xbftext,label\r\n\r\na,1\r\n\r\nb,2")
    assert columns(path, "text", "label") == [("a", "1"), ("b", "2")]


def test_names_in_the_header_are_taken_without_blanks_around(text_file):
    assert columns(text_file("text , label\na,1\n"), "label") == [("1",)]


def test_unbalanced_marks_in_tsv_are_characters(text_file):
    lines = ['"open\t1', 'closed"\t0', 'a 5" disc\t1', '"both"\t0', '""\t1']
    path = text_file("text\tlabel\n" + "\n".join(lines))
    assert columns(path, "text", "label") == [tuple(line.split("\t")) for line in lines]


def test_quoted_tsv_may_hold_tabs_and_line_ends(text_file):
    rows = [("one\ttwo\nthree\nfour", "1"), ('say "ah"', "2"), ("plain", "3")]
    path = text_file(csv_of([("text", "label"), *rows], "\t", lineterminator="\n"))
    assert columns(path, "text", "label") == rows


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x1c"), max_size=8)


@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=5), delimiter=st.sampled_from(",;\t"))
@example(rows=[('"', "\n"), ("", "\t")], delimiter="\t")
def test_what_the_csv_module_wrote_is_read_as_it_was(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("csv") / "t"
    text = csv_of([("text", "label"), *rows], delimiter, quoting=csv.QUOTE_ALL)
    path.write_text(text, "utf-8", newline="")
    if _is_binary(text):
        return
    assert columns(path, "text", "label") == rows


def _is_binary(text):
    return any(ord(c) < 32 and c not in "\t\n\r\x0b\x0c\x1b" for c in text)


@pytest.mark.parametrize("size", [200_000, 3_000_000])
def test_long_texts(text_file, size):
    path = text_file(csv_of([("text", "label"), ('"' * size, "1")]))
    before = csv.field_size_limit()
    assert columns(path, "text") == [('"' * size,)]
    assert csv.field_size_limit() == before  # which is the process's, not ours


def test_memory_is_bounded(text_file):
    path = text_file("text\tlabel\n" + ("some words " * 200 + "\t1\n") * 6_000)  # 13 MB
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_columns(path, ["text"])) == 6_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 9e6  # some blocks of a megabyte, once as bytes, once cut into lines


WRONG = {
    "": "the file is empty",
    "\n\n": "the file is empty",
    b"\0\1\2": "binary file",
    b"PK\x03\x04....": "zip archive, or a spreadsheet",
    b"\x80\x04\x95....": "pickle",
    "text,label\na\n": r":2: expected 2 cells, as in the header, got 1: 'a'",
    "text,label\n\na,1,\na,1,2\n": r":4: expected 2 cells, as in the header, got 3: 'a \| 1 \| 2'",
    'text,label\na,1\n"b,2\n': r":3: expected cells in which a quotation mark is doubled",
    "text\tlabel\na\t1\tb\n": ":2: expected 2 cells",
    "text,text,label\na,b,1\n": "2 columns are named 'text'",
    "document,label\na,1\n": "no column 'text'; the columns are document, label",
    "a film,1\na,1\n": "no column 'text'; the columns are a film, 1. Is the first line no header?",
    b"text,label\na,1\n\xff,2\n": ":3: byte 1 of the line: not UTF-8",
    '{"text": "a", "label": 1}\n{"text": "b"}\n': ":2: has no 'label'; the names there are: text",
    '{"text": "a", "label": 1}\n{"text": \n': ":2: expected a JSON object on each line",
    '{"text": "a", "label": 1}\n[1]\n': r":2: expected a JSON object, got '\[1\]'",
    '{"text": {}, "label": 1}\n': ":1: expected a text, a number or a list of them, got dict",
    '{"text": "a", "label": [1, 2]}\n': ":1: expected a text under 'label', got a list of 2",
    '{"text": "a", "label": ' + "9" * 5000 + "}\n": ":1: expected a JSON object",
    '{"text": ' + "[" * 100_000 + "\n": ":1: expected a JSON object",
    '[{"text": "a", "label": 1}]': "one JSON list, expected JSON lines",
    b"\xff\xfet\0e\0": "UTF-16",
    gzip.compress(b"text,label\n")[:-6]: "cut short or damaged",
}


@pytest.mark.parametrize("content", WRONG)
def test_a_wrong_file_is_named_with_the_place_and_what_was_expected(text_file, content):
    path = text_file(content)
    with pytest.raises(FormatError, match=WRONG[content]) as caught:
        columns(path, "text", "label")
    assert str(path) in str(caught.value)


def test_bad_bytes_can_be_replaced(text_file):
    path = text_file(b"text,label\n\xff!,2\n")
    assert list(read_columns(path, ["text"], encoding_errors="replace")) == [("\ufffd!",)]


def test_parquet_through_a_pipe_or_damaged(text_file, tmp_path):
    parquet.write_table(pa.table({"text": ["a"]}), tmp_path / "t")
    whole = (tmp_path / "t").read_bytes()
    with pytest.raises(FormatError, match="unpack it first"):
        columns(text_file(gzip.compress(whole)), "text")
    with pytest.raises(FormatError, match="not a whole Parquet"):
        columns(text_file(whole[:-9]), "text")


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text('text,label\t"\n;{}[]:1a').map(lambda s: ("text,label\n" + s).encode()),
        st.text('text,label\t"\n;{}[]:1a').map(lambda s: ("text\tlabel\n" + s).encode()),
    )
)
def test_a_file_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "t"
    path.write_bytes(content)
    try:
        rows = columns(path, "text", "label")
    except FormatError:
        return
    assert all(isinstance(cell, str) for row in rows for cell in row)
    assert all(len(row) == 2 for row in rows)


def test_real_reviews(data):
    rows = columns(data / "sentiment" / "nsmc.test.tsv", "document", "label")
    lines = (data / "sentiment" / "nsmc.test.tsv").read_text("utf-8").split("\n")[1:]
    assert rows == [tuple(line.split("\t")[1:3]) for line in lines if line]

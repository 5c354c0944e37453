"""Labelled texts: fastText's lines, and columns that are named or evident."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from sajeon.errors import FormatError
from sajeon.labelled import Labelled, read_labelled


def test_lines_of_fasttext(text_file):
    path = text_file("__label__good a film\n\n__label__bad   another  one \n__label__good\n")
    expected = Labelled(["a film", "another  one", ""], ["good", "bad", "good"])
    assert read_labelled(path) == expected


def test_a_line_may_have_several_labels_wherever_they_stand(text_file):
    path = text_file(
        "__label__c++ __label__한국어 a text\nwords __label__#1 more\n__label__a __label__a x"
    )
    found = read_labelled(path)
    assert found.texts == ["a text", "words more", "x"]
    assert found.labels == [("c++", "한국어"), ("#1",), ("a",)]
    assert found.classes() == {"c++", "한국어", "#1", "a"}


WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=6)


@given(st.lists(st.tuples(st.lists(WORDS, min_size=1, max_size=3, unique=True), st.lists(WORDS))))
def test_written_lines_are_read_as_they_were(tmp_path_factory, examples):
    path = tmp_path_factory.mktemp("l") / "t"
    examples = [*examples, (["x", "y"], ["z"])]  # so that there is one with several labels
    lines = [
        " ".join([*("__label__" + name for name in names), *words]) for names, words in examples
    ]
    path.write_text("\n".join(lines), "utf-8")
    found = read_labelled(path)
    assert found.labels == [tuple(names) for names, _ in examples]
    assert found.texts == [" ".join(words) for _, words in examples]


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("text,label", (0, 1)),
        ("label,text", (1, 0)),
        ("Sentence,LABEL", (0, 1)),
        ("review,sentiment", (0, 1)),
        ("문장,라벨", (0, 1)),
        ("text,stars", (0, 1)),  # of two columns, the other one
        ("answer,label", (0, 1)),
    ],
)
def test_evident_columns_are_found(text_file, header, order):
    found = read_labelled(text_file(f"{header}\na film,b\n"))
    row = ["a film", "b"]
    assert found == Labelled([row[order[0]]], [row[order[1]]])


def test_columns_that_are_named(text_file):
    path = text_file("id,title,body,label,stars\n1,a title,a body,good,5\n")
    assert read_labelled(path) == Labelled(["a body"], ["good"])
    assert read_labelled(path, text="title", label="stars") == Labelled(["a title"], ["5"])
    assert read_labelled(path, label="id") == Labelled(["a body"], ["1"])


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("text,sentence,label", "which column holds the texts"),
        ("text,label,class", "which column holds the labels"),
        ("a,b", "which column holds the texts"),
        ("text,b,c", "which column holds the labels"),
    ],
)
def test_where_it_is_not_clear_the_columns_are_named(text_file, header, missing):
    path = text_file(f"{header}\n{header}\n")
    with pytest.raises(FormatError, match=missing) as caught:
        read_labelled(path)
    assert f"the columns are {header.replace(',', ', ')}." in str(caught.value)


@pytest.mark.parametrize("line", ["1\ta good film", "a good film in every way\tpos"])
def test_a_file_without_header(text_file, line):
    with pytest.raises(FormatError, match="Is the first line no header"):
        read_labelled(text_file(f"{line}\n{line}\n"))


def test_labels_may_hold_blanks_but_not_around_them(text_file):
    path = text_file("text,label\na, very good \n")
    assert read_labelled(path).labels == ["very good"]


def test_an_empty_text_is_kept_an_empty_label_is_not(text_file):
    assert read_labelled(text_file("text,label\n,x\n")) == Labelled([""], ["x"])
    with pytest.raises(FormatError, match=r":3: there is no label under 'label'"):
        read_labelled(text_file("text,label\na,x\nb, \n"))


@pytest.mark.parametrize("line", ["no label here", "__label__ a"])
def test_a_line_without_a_label(text_file, line):
    with pytest.raises(FormatError, match=r":2: expected a label such as __label__good"):
        read_labelled(text_file(f"__label__x a\n{line}\n"))


def test_lists_of_labels_in_json(text_file):
    rows = [{"text": "a", "label": ["x", "y"]}, {"text": "b", "label": "x"}]
    path = text_file("\n".join(map(json.dumps, rows)))
    assert read_labelled(path) == Labelled(["a", "b"], [("x", "y"), ("x",)])
    with pytest.raises(FormatError, match=":1: there is no label"):
        read_labelled(text_file('{"text": "a", "label": []}'))
    with pytest.raises(FormatError, match=":1: expected a text under 'text', got a list"):
        read_labelled(text_file('{"text": ["a"], "label": "b"}'))


def test_lists_of_labels_in_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"text": ["a", "b"], "labels": [["x", "y"], ["z"]]}), path)
    assert read_labelled(path).labels == [("x", "y"), ("z",)]
    parquet.write_table(pa.table({"text": ["a", "b"], "labels": ["x", None]}), path)
    with pytest.raises(FormatError, match=r"t\.parquet: row 2: there is no label"):
        read_labelled(path)


def test_several_files_and_globs(text_file, tmp_path):
    text_file("__label__x a\n", "1.txt")
    text_file("text,label\nb,y\n", "2.txt")
    both = Labelled(["a", "b"], ["x", "y"])
    assert read_labelled(str(tmp_path / "*.txt")) == both
    assert read_labelled([tmp_path / "1.txt", tmp_path / "2.txt"]) == both


@pytest.mark.parametrize("content", ["", "text,label\n", "\n"])
def test_a_file_of_nothing(text_file, content):
    with pytest.raises(FormatError, match=r"corpus.txt: (the file is empty|expected labelled)"):
        read_labelled(text_file(content))


def test_a_binary_file(text_file):
    with pytest.raises(FormatError, match="binary file"):
        read_labelled(text_file(b"__label__x a\n\0\0\0"))


def test_real_sets(data):
    folder = data / "sentiment"
    nsmc = read_labelled(folder / "nsmc.test.tsv")
    assert (len(nsmc), nsmc.classes()) == (10_000, {"0", "1"})
    assert nsmc == read_labelled(folder / "nsmc.test.tsv", "document", "label")
    sst = read_labelled(folder / "sst2.dev.tsv")
    assert (len(sst), sst.classes()) == (872, {"0", "1"})

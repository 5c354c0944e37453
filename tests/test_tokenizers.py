"""Tokenizers by name: made, saved, shared out among processes, trained on the source first."""

import contextlib
import io
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sajeon
from sajeon.corpus import build_corpus
from sajeon.errors import FormatError, SajeonError
from sajeon.tokens import (
    make_tokenizer,
    processes,
    protocol,
    tokenizer_from_config,
    tokenizer_to_config,
)
from sajeon.tokens.patterns import Characters, Regex

FAMILY = "👩\u200d👩\u200d👧"
TEXTS = ["a b c", "", "b a", "맑은 날", "x" * 50] * 40


@pytest.mark.parametrize(
    ("spec", "text", "tokens"),
    [
        ("chars", "맑은 날", ["맑", "은", "날"]),
        ("chars", "ab\tc\0d", ["a", "b", "c", "d"]),
        (
            "chars:spaces=true",
            " a  b ",
            [
                "a",
                "␣",
                "b",
            ],
        ),
        ("chars:case=lower", "ÉA", ["é", "a"]),
        ("chars", unicodedata.normalize("NFD", "학é"), ["학", "é"]),
        ("chars", f"q\u0301{FAMILY}", ["q\u0301", FAMILY]),
        ("chars", "", []),
        (r"regex:\d+|[a-z],", "a, 12b,", ["a,", "12", "b,"]),
        (r"regex:(\d)|(x=\w)", "1x=y", ["1", "x=y"]),
        ("regex:(a)|b", "ab", ["a"]),
    ],
)
def test_tokens_of_a_text(spec, text, tokens):
    tokenizer = make_tokenizer(spec)
    assert tokenizer.tokens(text) == tokens
    again = tokenizer_from_config(tokenizer_to_config(tokenizer))
    assert again == tokenizer
    assert again.tokens(text) == tokens


@given(st.text())
def test_characters_are_all_of_a_text_but_its_spaces(text):
    normal = unicodedata.normalize("NFC", text)
    spaces = "".join(c for c in normal if c.isspace() or c == "\0")
    kept = normal.translate({ord(c): None for c in spaces})
    assert "".join(Characters().tokens(text)) == kept


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("regex:(", r"'\(' is no pattern: .*position 0"),
        ("regex:a*", "matches nothing at all"),
        ("chars:spaces=maybe", "spaces must be 'true' or 'false', got 'maybe'"),
        ("chars:size=3", "takes these settings: case, spaces; got size"),
        ("char", "there is no tokenizer 'char'.*Did you mean 'chars'"),
    ],
)
def test_what_cannot_be_made_is_refused(spec, said):
    with pytest.raises(ValueError, match=said):
        make_tokenizer(spec)


def test_a_model_with_a_broken_pattern_is_refused():
    with pytest.raises(FormatError, match="is no pattern"):
        tokenizer_from_config({"name": "regex", "settings": {"pattern": "("}})


class Slow(Regex):
    """Made anew in each process, as `Regex` itself."""

    in_processes = True


def test_processes_give_the_same_tokens_in_order(monkeypatch):
    monkeypatch.setattr(processes, "BATCH", 30)
    slow = Slow(r"\w")
    found = list(processes.cut(iter(TEXTS), slow, 2))
    assert found == [slow.tokens(text) for text in TEXTS]
    assert list(processes.cut([], slow, 2)) == []


def test_a_corpus_is_the_same_from_processes(monkeypatch):
    used = []
    cut = processes.cut
    monkeypatch.setattr(processes, "cut", lambda *given: used.append(given[2]) or cut(*given))
    texts = TEXTS * 200  # more than one stretch
    few, many = (
        build_corpus(texts, Slow(r"\w"), min_count=1, workers=workers) for workers in (1, 2)
    )
    assert used == [2]
    assert few.vocab == many.vocab
    assert few.ids.tolist() == many.ids.tolist()
    assert few.offsets.tolist() == many.offsets.tolist()


def test_a_failing_process_is_reported(monkeypatch):
    gone = Slow(r"\w")
    monkeypatch.setattr(Slow, "name", "regexes", raising=False)
    with pytest.raises(SajeonError, match="there is no tokenizer 'regexes'"):
        list(processes.cut(["a"], gone, 1))


def test_processes_end_when_no_one_wants_more():
    others = _children()  # of tests before this one
    found = processes.cut((text for text in TEXTS * 500), Slow(r"\w"), 2)
    next(found)
    started = _children() - others
    found.close()
    assert len(started) == 2
    assert not started & _children()


def _children():
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        pytest.skip("no /proc to look into")
    found = set()
    for task in tasks.iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            found.update((task / "children").read_text().split())
    return found


class Learner:
    """Cuts behind the most frequent character of the texts it was trained on."""

    reads = "text"
    name = "learner"

    def __init__(self, character=""):
        self.settings = {"character": character}
        self.untrained = not character

    def trained(self, texts):
        text = "".join(texts)
        return Learner(max(sorted(set(text)), key=text.count))

    def tokens(self, item):
        assert not self.untrained
        return [part for part in item.split(self.settings["character"]) if part]


def _sources(tmp_path, monkeypatch):
    (tmp_path / "t.txt").write_text("1-2-3-4\n2-3-5\n")
    lines = ["1-2-3-4", "2-3-5"]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"1-2-3-4\n2-3-5\n")))
    return [tmp_path / "t.txt", lines, (line for line in lines), "-"]


@pytest.mark.parametrize("which", range(4))
def test_a_tokenizer_is_trained_on_any_source_and_kept(tmp_path, monkeypatch, which):
    source = _sources(tmp_path, monkeypatch)[which]
    corpus = build_corpus(source, Learner(), min_count=1)
    assert corpus.vocab.tokens == ("2", "3", "1", "4", "5")
    assert corpus.vocab.tokenizer.settings == {"character": "-"}


def test_token_lists_have_nothing_to_train_on():
    with pytest.raises(TypeError, match=r"'learner' learns from texts.*leave tokens= out"):
        build_corpus([["a", "b"]], Learner(), min_count=1)


def test_a_vocabulary_keeps_the_trained_tokenizer():
    vocab = sajeon.Vocabulary.from_texts(
        iter(["1-2", "2-3"]), specials=(), pad=None, unk=None, tokens=Learner()
    )
    assert vocab.encode("2-3").tolist() == [0, 2]


def test_trained_vectors_cut_by_what_was_learned():
    vectors = sajeon.train(["1-2-3-4", "2-3-5-1"] * 30, tokens=Learner(), dim=4, min_count=1)
    assert vectors.tokenizer.settings == {"character": "-"}


class Recording:
    """Reads numbers off a file; a line is a sequence."""

    reads = "audio"
    name = "recording"

    @property
    def settings(self):
        return {}

    def tokens(self, item):
        return item.read_text().split()

    def token_lists(self, items):
        return [line.split() for item in items for line in item.read_text().splitlines()]


@pytest.mark.parametrize("as_text", [False, True])
def test_recordings_are_read_by_path(tmp_path, as_text):
    for name, text in (("a", "1 2\n2 3"), ("b", "3 4")):
        (tmp_path / f"{name}.wav").write_text(text)
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    corpus = build_corpus([str(p) for p in paths] if as_text else paths, Recording(), min_count=1)
    assert corpus.offsets.tolist() == [0, 2, 4, 6]
    assert corpus.vocab.tokens == ("2", "3", "1", "4")
    with pytest.raises(TypeError, match="expected paths of recordings, got list"):
        build_corpus([["1", "2"]], Recording(), min_count=1)


def test_others_tokenizers_come_by_entry_point(monkeypatch):
    found = [SimpleNamespace(name="learner", load=lambda: Learner)]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found)
    assert protocol.make_tokenizer("learner:character=-").tokens("a-b") == ["a", "b"]

"""The saved folder in other tools: model2vec, sentence-transformers, Hugging Face's tokenizers."""

import io
import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as HFTokenizer
from tokenizers import normalizers

from sajeon.errors import FormatError
from sajeon.formats import huggingface
from sajeon.loading import load
from sajeon.tokens.protocol import make_tokenizer
from sajeon.vectors import Vectors

TEXTS = [
    "The cat sat on the mat.",
    "고양이가 매트 위에 앉았다, THE CAT!",
    "Don’t stop: rock'n'roll, rock'n'roll and self‑made men’s 2nd state-of-the-art naïve ΟΔΟΣ",
    unicodedata.normalize("NFD", "naïve 고양이가 cafés"),
    "",
    "... !!! --- '''",
    "[UNK] [PAD] cat_dog x²",
]
UNKNOWN = "the cat and a zebra from Zanzibar"
KNOWN = """
the cat sat on mat 고양이가 매트 위에 앉았다 don't stop rock'n'roll and self-made men's
2nd state-of-the-art naïve cafés οδος unk pad dog x²
"""
WORDS = KNOWN.split()
LONG = " ".join(WORDS * 100)  # more than the 512 tokens after which model2vec cuts by default
SPELLED_UNK = ["[UNK]", "[UNK] cat", "[UNK]_ [UNK]"]
SPECS = ["words", "words:case=keep", "words:punctuation=keep"]
SPECS += ["whitespace", "whitespace:case=lower"]

READERS = """
import json, sys, warnings
import numpy as np
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer
means = {}
for folder, texts in json.loads(sys.argv[1]).items():
    means[f"model2vec {folder}"] = StaticModel.from_pretrained(folder).encode(texts)
    means[f"st {folder}"] = SentenceTransformer(folder, device="cpu").encode(texts)
np.savez("means.npz", **means)
"""


def some_vectors(tokens=WORDS, spec="words"):
    matrix = np.random.default_rng(0).normal(size=(len(tokens), 16)).astype(np.float32)
    return Vectors(tokens, matrix, range(len(tokens), 0, -1), tokenizer=spec)


@pytest.fixture(scope="module")
def means(tmp_path_factory):
    """Means of texts by reader and folder, read by the two others in a process of its own.

    Starting them takes seconds, so it is done once; without a network, in an empty home.
    """
    pytest.importorskip("model2vec")
    pytest.importorskip("sentence_transformers")
    directory = tmp_path_factory.mktemp("interop")
    models = {
        "words": (some_vectors(), [*TEXTS, LONG, UNKNOWN]),
        "unk": (some_vectors(["cat", "[UNK]", "[UNK]_"], "whitespace"), SPELLED_UNK),
    }
    for name, (vectors, _) in models.items():
        vectors.save(directory / name)
    asked = json.dumps({name: texts for name, (_, texts) in models.items()})
    environment = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "HOME": str(directory)}
    result = subprocess.run(
        [sys.executable, "-c", READERS, asked],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    with np.load(directory / "means.npz") as arrays:
        theirs = dict(arrays)
    for name, (_, texts) in models.items():
        theirs[f"ours {name}"] = load(directory / name).encode(texts)
    return theirs


def test_model2vec_opens_the_folder_and_gives_our_means(means):
    ours, theirs = means["ours words"], means["model2vec words"]
    np.testing.assert_allclose(theirs, ours, atol=1e-5)  # theirs are sums of float32
    assert (np.abs(ours[[0, 1, 2, 3, 6, 7, 8]]).max(axis=1) > 0.1).all()
    assert not ours[4:6].any()


def test_sentence_transformers_opens_the_folder_and_gives_our_means(means):
    known = [0, 1, 3, 4, 5, 7]  # texts without unknown words
    np.testing.assert_allclose(means["st words"][known], means["ours words"][known], atol=1e-5)


def test_sentence_transformers_counts_unknown_words_as_zero_as_the_docs_say(means):
    ours, theirs = means["ours words"][8], means["st words"][8]
    known, words = 3, 7  # of "the cat and a zebra from Zanzibar": the, cat, and
    np.testing.assert_allclose(theirs, ours * known / words, atol=1e-5)


def test_a_token_spelled_like_the_unknown_one_has_its_own_vector_elsewhere(means):
    assert means["ours unk"].all()
    for reader in ("model2vec", "st"):
        np.testing.assert_allclose(means[f"{reader} unk"], means["ours unk"], atol=1e-6)


def is_assigned(text):
    """Whether Python knows all characters; Hugging Face's Unicode tables may be younger."""
    return all(unicodedata.category(char) != "Cn" for char in text)


def hf_tokens(spec, text):
    """The tokens that Hugging Face's tokenizers find, unknown ones too."""
    return _pieces(_hf(spec), text)


def _pieces(tokenizer, text):
    normalized = tokenizer.normalizer.normalize_str(text)
    return [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]


_cache = {}


def _hf(spec):
    if spec not in _cache:
        tokenizer = make_tokenizer(spec)
        text = huggingface.word_level([], tokenizer.name, tokenizer.settings)
        _cache[spec] = HFTokenizer.from_str(json.dumps(text))
    return _cache[spec]


# What the rules are about: letters, marks, joiners, folded signs, sigmas, blanks of all kinds.
PIECES = st.sampled_from(
    [*"aZé가닭'-’‐‑Σσςİıſß²½㊀१_.,!«€°", "\u0301", "\u0345", "\u094d", "\u1100", "\u1161", "\u11a8",
     "\ud7b0", "\u00ad", "\u200d", "ΑΣ", "Σ'Σ", "·", " ", "\t", "\x00", "\x1c", "\x1f", "\x85",
     "\xa0", "\u200b", "\u2028", "\u3000", "\ufeff", "ﬁ", "Ⅻ", "🎼", "e\u0301", "\U0001d400"]
)  # fmt: skip


def unordered_marks():
    """Marks that Hugging Face's NFC does not put in canonical order: its tables are older."""
    theirs = normalizers.NFC().normalize_str
    marks = [chr(code) for code in range(0x110000) if unicodedata.combining(chr(code))]
    beside = ("q\u0345{}", "q{}\u0334", "q{}\u0327", "q\u0301{}")
    return {
        mark
        for mark in marks
        if any(
            theirs(s.format(mark)) != unicodedata.normalize("NFC", s.format(mark)) for s in beside
        )
    }


# The documented differences, and nothing more. U+1171E is case-ignorable for Python alone.
DIFFERENT = {*unordered_marks(), "\U0001171e"}
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters=DIFFERENT)
ANY_TEXT = st.lists(PIECES | CHARACTERS, max_size=20).map("".join)


@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=500)
@given(text=ANY_TEXT)
@example("ΟΔΟΣ ΑΣ'Β ΑΣ' Σ ΣΣ -ΑΣ- Α'Σ Α·Σ. ΑΣ\u0301 Α\u0301Σ")
@example("ΑΣ\u0345 Α\u0345Σ \u0345Σ ʰΣ ΑΣʰ ΑʰΣ ΑΣʰΑ Αʰ\u0345Σ")
@example("a'-b a--b -a- 'a' a'b-c'd a-\u0301b \u0301a")
@example("İI ß ﬁ 1\u0301st x\u0345Y")
def test_hugging_face_finds_the_tokens_we_find(spec, text):
    assert hf_tokens(spec, text) == make_tokenizer(spec).tokens(text)


@pytest.mark.parametrize("spec", ["words:punctuation=keep", "whitespace:case=lower"])
def test_hugging_face_finds_the_tokens_we_find_at_every_character(spec):
    """Alone, inside and at either end of a word; of ideographs, syllables and private use a few."""
    tokenizer = make_tokenizer(spec)
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    known = [char for char in every if is_assigned(char)]
    few = [char for i, char in enumerate(known) if i % 50 == 0 or not _one_of_many(char)]
    assert len(few) > 20_000
    for start in range(0, len(few), 2000):
        chars = few[start : start + 2000]
        text = "\n".join(f"a{char}b {char} {char}A A{char} '{char}-" for char in chars)
        assert hf_tokens(spec, text) == tokenizer.tokens(text)


def _one_of_many(char):
    name = unicodedata.name(char, "private")
    return name.startswith(("private", "CJK UNIFIED", "HANGUL SYLLABLE", "TANGUT", "EGYPTIAN"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["corpus.en.txt.xz", "corpus.ko.txt.xz"])
def test_hugging_face_finds_the_tokens_we_find_in_real_text(data, name):
    import lzma

    with lzma.open(data / name, "rt", encoding="utf-8") as file:
        for _ in range(20):
            text = file.read(200_000)
            if is_assigned(text):
                assert hf_tokens("words", text) == make_tokenizer("words").tokens(text)


def test_the_marks_that_are_ordered_otherwise_are_few_and_young():
    old = unicodedata.ucd_3_2_0
    assert len(DIFFERENT) < 150
    assert all(old.category(mark) == "Cn" for mark in DIFFERENT)


def test_a_very_long_token_is_found_whole():
    text = "ab" * 500_000 + "-" + "가" * 500_000 + " x" + "'" * 300_000
    assert hf_tokens("words", text) == make_tokenizer("words").tokens(text)


def test_ids_are_rows_and_the_unknown_one_is_the_last():
    vectors, written = some_vectors(), io.BytesIO()
    content = huggingface.tokenizer_json(vectors.tokenizer, vectors.tokens)
    huggingface.write_tokenizer_json(written, content, vectors.tokens)
    assert json.loads(written.getvalue()) == huggingface.word_level(vectors.tokens, "words", {})
    tokenizer = HFTokenizer.from_str(written.getvalue().decode())
    assert tokenizer.get_vocab_size() == len(WORDS) + 1
    assert tokenizer.encode("The zebra’s cat", add_special_tokens=False).ids == [0, len(WORDS), 1]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("custom", {}),
        ("morphemes", {}),
        ("words", {"case": "upper"}),
        ("words", {"stem": "yes"}),
        ("whitespace", {"punctuation": "keep"}),
    ],
)
def test_a_tokenizer_that_cannot_be_expressed_gives_no_tokenizer_json(name, settings):
    assert huggingface.word_level(["a"], name, settings) is None


@pytest.mark.parametrize("spec", [None, str.split])
def test_without_an_equivalent_tokenizer_no_other_tool_is_offered_the_folder(tmp_path, spec):
    some_vectors(["a", "b"], spec).save(tmp_path / "m")
    assert sorted(entry.name for entry in (tmp_path / "m").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    assert list(json.loads((tmp_path / "m" / "config.json").read_text())) == ["sajeon"]
    assert load(tmp_path / "m").tokens == ["a", "b"]


class Offering:
    """A tokenizer of somebody else with a tokenizer.json of its own."""

    name, settings, reads = "words", {"theirs": True}, "text"

    def __init__(self, unknown):
        self.unknown = unknown

    def tokens(self, item):
        return item.split()

    def hf_tokenizer_json(self, tokens):
        made = huggingface.word_level(tokens, "whitespace", {})
        made["model"]["vocab"][made["model"]["unk_token"]] = self.unknown
        return made


def test_the_tokenizer_json_another_tokenizer_offers_is_written_if_it_numbers_as_we_do(tmp_path):
    some_vectors(["a", "b"], Offering(2)).save(tmp_path / "m")
    offered = json.loads((tmp_path / "m" / "tokenizer.json").read_text())
    assert offered["model"]["vocab"] == {"a": 0, "b": 1, "[UNK]": 2}
    with pytest.raises(FormatError, match="must number the 2 tokens"):
        some_vectors(["a", "b"], Offering(7)).save(tmp_path / "n")
    assert not Path(tmp_path / "n").exists()

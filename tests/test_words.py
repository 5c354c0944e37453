"""The word rule: worked examples, and a naive reading of it, one character after another."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sajeon.errors import FormatError
from sajeon.tokens import (
    Custom,
    Whitespace,
    Words,
    make_tokenizer,
    tokenizer_from_config,
    tokenizer_to_config,
)

TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(
            "aAéßΣσςİıſK'-’‐‑ \t\n\r\0_.,!·\u0301\u0327\u0308\u0338\u05b0\u05bc\u3000\u2028"
        ),
        st.sampled_from("학교에서ᄒ" + unicodedata.normalize("NFD", "학") + "👩\u200d🔬हिंदीไทย②½٣"),
    )
)


def naive_words(text: str, case: str = "lower", punctuation: str = "drop") -> list[str]:
    text = unicodedata.normalize("NFC", text)
    text = text.replace("’", "'").replace("\u2010", "-").replace("\u2011", "-")
    if case == "lower":
        text = unicodedata.normalize("NFC", text.lower())
    found, i = [], 0
    while i < len(text):
        start = i
        if text[i].isalnum():
            while i < len(text):
                mark = unicodedata.category(text[i])[0] == "M"
                joined = text[i] in "'-" and i + 1 < len(text) and text[i + 1].isalnum()
                if not (text[i].isalnum() or mark or joined):
                    break
                i += 1
            found.append(text[start:i])
        else:
            if punctuation == "keep" and unicodedata.category(text[i])[0] in "PS":
                found.append(text[i])
            i += 1
    return found


@given(TEXTS, st.sampled_from(["lower", "keep"]), st.sampled_from(["drop", "keep"]))
def test_words_are_what_a_naive_reading_of_the_rule_gives(text, case, punctuation):
    assert Words(case, punctuation).tokens(text) == naive_words(text, case, punctuation)


@given(st.text(st.characters(max_codepoint=127)), st.sampled_from(["drop", "keep"]))
def test_the_short_way_for_ascii_gives_the_same(text, punctuation):
    assert Words("lower", punctuation).tokens(text) == naive_words(text, "lower", punctuation)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don’t stop—self‐made, well-known.", ["don't", "stop", "self-made", "well-known"]),
        ("'tis rock-'n'-roll -- it's- o'clock", ["tis", "rock", "n", "roll", "it's", "o'clock"]),
        ("snake_case 3.14 x² v2", ["snake", "case", "3", "14", "x²", "v2"]),
        ("학교에서 '밥'을 먹었다.", ["학교에서", "밥'을", "먹었다"]),
        ("ΟΔΟΣ ΣΑΣ", ["οδος", "σας"]),
        ("हिंदी में", ["हिंदी", "में"]),
        ("Ich heiße ÉMILE, naı\u0308ve", ["ich", "heiße", "émile", "naı̈ve"]),
        ("", []),
        ("… —", []),
    ],
)
def test_worked_examples(text, expected):
    assert Words().tokens(text) == [unicodedata.normalize("NFC", token) for token in expected]


def test_korean_is_the_same_composed_and_decomposed():
    text = "지미 카터는 조지아주에서 태어났다"
    assert Words().tokens(unicodedata.normalize("NFD", text)) == text.split()


def test_settings_keep_case_and_punctuation():
    tokenizer = make_tokenizer("words:case=keep,punctuation=keep")
    assert tokenizer.tokens("It's 5 €, OK?-") == ["It's", "5", "€", ",", "OK", "?", "-"]


@given(TEXTS)
def test_whitespace_tokens_are_those_of_split_in_nfc(text):
    expected = unicodedata.normalize("NFC", text.replace("\0", " ")).split()
    assert Whitespace().tokens(text) == expected


@pytest.mark.parametrize(
    "tokenizer", [Words(), Words("keep", "keep"), Whitespace(), Whitespace("lower")], ids=repr
)
def test_a_tokenizer_comes_back_from_its_config(tokenizer):
    config = json.loads(json.dumps(tokenizer_to_config(tokenizer)))
    again = tokenizer_from_config(config)
    assert again == tokenizer
    assert hash(again) == hash(tokenizer)
    assert again != Custom()


def test_a_function_becomes_custom_and_comes_back_for_token_lists_alone():
    tokenizer = make_tokenizer(str.split)
    assert tokenizer.tokens("a b") == ["a", "b"]
    again = tokenizer_from_config(tokenizer_to_config(tokenizer))
    assert again.name == "custom"
    assert again.tokens(("a", "b")) == ["a", "b"]
    with pytest.raises(TypeError, match="pass a list of tokens"):
        again.tokens("a b")


@pytest.mark.parametrize("result", [lambda text: text, lambda text: [1]])
def test_a_function_that_gives_no_tokens_is_told_so(result):
    with pytest.raises(TypeError, match="str"):
        make_tokenizer(result).tokens("a b")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("wrods", "Did you mean 'words'"),
        ("words:case", "expected NAME:key=value"),
        ("words:case=upper", "'lower' or 'keep', got 'upper'"),
        ("words:size=3", "size"),
    ],
)
def test_a_wrong_spec_is_named(spec, message):
    with pytest.raises(ValueError, match=message):
        make_tokenizer(spec)
    with pytest.raises(FormatError, match="name and settings"):
        tokenizer_from_config({"settings": {}})

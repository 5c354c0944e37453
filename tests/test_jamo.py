"""Syllables to jamo and back: all of them, and any text around them."""

import json
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sajeon
from sajeon.tokens import make_tokenizer, tokenizer_from_config, tokenizer_to_config
from sajeon.tokens.jamo import EMPTY, Jamo, compatible, compose, decompose

SYLLABLES = [chr(code) for code in range(0xAC00, 0xD7A4)]
OLD_HANGUL = "ᄒᆞᆫ글 ᄀ ᅡ ᆨ \u1112\u119e"
# Letters and signs that could be taken for parts of a syllable, more often than chance gives them.
MIXED = st.lists(
    st.one_of(
        st.text(),
        st.sampled_from(["가", "힣", "닭", "ㄱ", "ㅏ", "ㄺ", "_", "_ㄱ", "␣", " ", "e"]),
        st.sampled_from(["ᄀ", "ᅡ", "ᆨ", "ᆞ", "\u0301", "\u302e", "\u115f", "\u1160", "\u200d", "👩"]),
        st.sampled_from(["ﾡ", "ㆍ", "㈀", "㉠", "İ", "ß", "A", "\t", "\0", "\u3000"]),
    )
).map("".join)


def test_every_syllable_is_three_jamo_and_comes_back():
    for syllable in SYLLABLES:
        jamo = decompose(syllable)
        assert len(jamo) == 3
        # Python's own table of decompositions, which has no sign for an empty final.
        assert jamo.removesuffix(EMPTY) == unicodedata.normalize("NFD", syllable)
        assert compose(jamo) == syllable
    assert compose(decompose("".join(SYLLABLES))) == "".join(SYLLABLES)
    assert len({decompose(syllable) for syllable in SYLLABLES}) == 11_172


def test_every_syllable_is_three_tokens_and_comes_back():
    jamo = Jamo()
    each = [tuple(jamo.tokens(syllable)) for syllable in SYLLABLES]
    assert {len(tokens) for tokens in each} == {3}
    assert len(set(each)) == 11_172
    # The letters of Unicode's names tell which compatibility jamo is meant.
    for tokens, syllable in zip(each, SYLLABLES, strict=True):
        conjoining = unicodedata.normalize("NFD", syllable)
        letters = [token.removeprefix("_") for token in tokens if token != "_"]
        assert [unicodedata.name(c).split()[-1] for c in letters] == [
            unicodedata.name(c).split()[-1] for c in conjoining
        ]
    assert jamo.join(token for tokens in each for token in tokens) == "".join(SYLLABLES)


@given(MIXED)
@example(OLD_HANGUL)
@example("가_ 가\u0301_ ㄱㅏ_ ㄱㅏ_ㄱ __ ␣ _␣")
def test_any_text_comes_back(text):
    normal = unicodedata.normalize("NFC", text)
    assert compose(decompose(text)) == normal
    jamo = Jamo()
    assert jamo.join(jamo.tokens(text)) == re.sub(r"[\s\0]+", " ", normal)
    without = Jamo(spaces=False)
    assert without.join(without.tokens(text)) == re.sub(r"[\s\0]+", "", normal)


@given(MIXED)
def test_unicode_forms_do_not_matter(text):
    for form in ("NFC", "NFD"):
        same = unicodedata.normalize(form, text)
        assert decompose(same) == decompose(text)
        assert Jamo().tokens(same) == Jamo().tokens(text)
        assert Jamo(case="lower").tokens(same) == Jamo(case="lower").tokens(text)


@given(st.lists(st.sampled_from([*"ㄱㅏㄺ가_␣ A", "_ㄱ", "__", "_␣", "", "ㄱㅏ"])))
def test_any_tokens_have_a_text(tokens):
    assert isinstance(Jamo().join(tokens), str)


@given(MIXED)
def test_no_token_is_empty_or_holds_a_blank(text):
    for token in Jamo().tokens(text):
        assert token
        assert not re.search(r"[\s\0]", token)


@pytest.mark.parametrize(
    ("spec", "text", "tokens"),
    [
        ("jamo", "닭이", "ㄷ ㅏ _ㄺ ㅇ ㅣ _"),
        ("jamo", "강  ㅋㅋ", "ㄱ ㅏ _ㅇ ␣ ㅋ ㅋ"),
        ("jamo:spaces=false", " 나 K ", "ㄴ ㅏ _ K"),
        ("jamo:case=lower", "나 K", "ㄴ ㅏ _ ␣ k"),
        ("jamo", "q\u0301가\u0301", "q\u0301 ㄱ ㅏ _ \u0301"),
        ("jamo", "_ _\u0301", "__ ␣ __\u0301"),
        ("jamo", OLD_HANGUL[:3], " ".join(OLD_HANGUL[:3])),
        ("jamo", "", ""),
    ],
)
def test_tokens_of_a_text(spec, text, tokens):
    tokenizer = make_tokenizer(spec)
    assert tokenizer.tokens(text) == tokens.split()
    again = tokenizer_from_config(json.loads(json.dumps(tokenizer_to_config(tokenizer))))
    assert (again, hash(again)) == (tokenizer, hash(tokenizer))
    assert again.tokens(text) == tokens.split()


def test_settings_are_checked():
    with pytest.raises(ValueError, match="spaces must be 'true' or 'false', got 'no'"):
        make_tokenizer("jamo:spaces=no")
    with pytest.raises(TypeError, match="a text must be a str, got bytes"):
        Jamo().tokens("가".encode())


def test_conjoining_jamo_are_shown_as_people_type_them():
    assert compatible("ᆫ다 ᄆ ABC ᆞ") == "ㄴ다 ㅁ ABC ᆞ"


def test_vectors_of_jamo_from_training_to_use(tmp_path):
    texts = ["닭이 좋아", "달이 밝다", "같이 가자"] * 40
    sajeon.train(texts, tokens="jamo", dim=8, min_count=1, output=tmp_path / "m")
    vectors = sajeon.load(tmp_path / "m")
    assert vectors.tokenizer == Jamo()
    assert "_ㄺ" in vectors
    assert len(vectors.nearest("ㄷ", k=3)) == 3
    decomposed = unicodedata.normalize("NFD", "닭")
    mean = (vectors["ㄷ"] + vectors["ㅏ"] + vectors["_ㄺ"]) / 3
    found = vectors.encode(["닭", decomposed])
    np.testing.assert_allclose(found, [mean, mean], rtol=0, atol=1e-6)
    # No other tool could cut a text so: it must not find a tokenizer and give zeros.
    files = sorted(entry.name for entry in (tmp_path / "m").iterdir())
    assert not {"tokenizer.json", "modules.json"} & set(files)
    assert list(json.loads((tmp_path / "m" / "config.json").read_text())) == ["sajeon"]

"""Korean spelling to Standard Pronunciation (표준 발음법), as Hangul and as phonemes.

What a final consonant and the consonant after it become is one table over all pairs, made from the
rules; what spelling does not tell is in `korean_words`. Numbers in brackets are the articles of
표준 발음법 (국립국어원, 문화체육관광부 고시 2017-13).

Where the standard allows two pronunciations, this is the first it names but for two: ㅚ and ㅟ are
[we] and [wi], as most people say them. Vowel length is not written in Hangul and not given.

Our own, since ko-pron 1.3 (2018) knows the rules but fails on anything that is not Hangul or a
blank, and has none of [10, 15, 20 and 24 to 29] where words decide; `tests/test_phonemes.py`
compares the two.
"""

from __future__ import annotations

from functools import cache, lru_cache

from .korean_words import respelled

ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
CODAS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST = 0xAC00

_TENSE = dict(zip("ㄱㄷㅂㅅㅈ", "ㄲㄸㅃㅆㅉ", strict=True))
_ASPIRATED = dict(zip("ㄱㄷㅂㅈ", "ㅋㅌㅍㅊ", strict=True))
_NASAL = dict(zip("ㄱㄷㅂ", "ㅇㄴㅁ", strict=True))
_PARTS = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ",
    "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
# What is heard of a final consonant, [8 to 11].
_HEARD = {coda: sound for sound, codas in {
    "ㄱ": "ㄱㄲㅋㄳㄺ", "ㄴ": "ㄴㄵㄶ", "ㄷ": "ㄷㅅㅆㅈㅊㅌㅎ", "ㄹ": "ㄹㄼㄽㄾㅀ", "ㅁ": "ㅁㄻ",
    "ㅂ": "ㅂㅍㅄㄿ", "ㅇ": "ㅇ",
}.items() for coda in codas}  # fmt: skip

_ONSET_IPA = {
    "ㄱ": "k", "ㄲ": "k͈", "ㄴ": "n", "ㄷ": "t", "ㄸ": "t͈", "ㄹ": "l", "ㅁ": "m",
    "ㅂ": "p", "ㅃ": "p͈", "ㅅ": "s", "ㅆ": "s͈", "ㅇ": "", "ㅈ": "t͡ɕ", "ㅉ": "t͡ɕ͈",
    "ㅊ": "t͡ɕʰ", "ㅋ": "kʰ", "ㅌ": "tʰ", "ㅍ": "pʰ", "ㅎ": "h",
}  # fmt: skip
_VOWEL_IPA = {
    "ㅏ": "a", "ㅐ": "ɛ", "ㅑ": "ja", "ㅒ": "jɛ", "ㅓ": "ʌ", "ㅔ": "e", "ㅕ": "jʌ",
    "ㅖ": "je", "ㅗ": "o", "ㅘ": "wa", "ㅙ": "wɛ", "ㅚ": "we", "ㅛ": "jo", "ㅜ": "u", "ㅝ": "wʌ",
    "ㅞ": "we", "ㅟ": "wi", "ㅠ": "ju", "ㅡ": "ɯ", "ㅢ": "ɰi", "ㅣ": "i",
}  # fmt: skip
_CODA_IPA = dict(zip("ㄱㄴㄷㄹㅁㅂㅇ", "kntlmpŋ", strict=True))

Syllable = tuple[str, str, str]
"""Onset, vowel and coda; "ㅇ" for no onset, "" for no coda."""


@lru_cache(1 << 16)
def syllables(word: str) -> tuple[tuple[str, ...], ...]:
    """Return the phonemes of each syllable of a word written in Hangul syllables.

    >>> syllables("국물")
    (('k', 'u', 'ŋ'), ('m', 'u', 'l'))
    """
    return tuple(map(_phonemes, _sounded(word)))


def pronounced(word: str) -> str:
    """Return how a word is said, in Hangul.

    >>> pronounced("닭이"), pronounced("서울역")
    ('달기', '서울력')
    """
    return "".join(map(_composed, _sounded(word)))


def _sounded(word: str) -> list[Syllable]:
    """Apply the rules to all syllables of a word, each with the next."""
    found = [_decomposed(char) for char in respelled(word)]
    written = found.copy()
    for i in range(len(found) - 1):
        (onset, vowel, coda), (following, *rest) = found[i], found[i + 1]
        coda, following = _joined(coda, following, *rest)
        found[i], found[i + 1] = (onset, vowel, coda), (following, rest[0], rest[1])
    if found:
        onset, vowel, coda = found[-1]
        found[-1] = onset, vowel, _HEARD.get(coda, "")
    return [
        (onset, _vowel(vowel, onset, before[0]), coda)
        for (onset, vowel, coda), before in zip(found, written, strict=True)
    ]


def _vowel(vowel: str, onset: str, written_onset: str) -> str:
    if vowel == "ㅢ" and written_onset != "ㅇ":
        return "ㅣ"  # 희망 [히망], [5]
    if onset in "ㅈㅉㅊ":  # 가져 [가저], [5]
        return dict(zip("ㅑㅒㅕㅖㅛㅠ", "ㅏㅐㅓㅔㅗㅜ", strict=True)).get(vowel, vowel)
    return vowel


def _joined(coda: str, onset: str, vowel: str, next_coda: str) -> tuple[str, str]:
    """Return what a coda and the onset of the next syllable become."""
    # 닫혀 [다처] has the ending -이-, 맏형 [마텽] has not.
    before_i = vowel == "ㅣ" or (vowel == "ㅕ" and next_coda in ("", "ㅆ"))
    if before_i and (coda, onset) in _PALATAL:
        return _PALATAL[coda, onset]
    if coda == "ㄻ" and onset == "ㄱ" and vowel in "ㅣㅕ":
        return "ㅁ", "ㄱ"  # 옮기다 [옴기다], [24]
    return _pairs()[coda, onset]


_PALATAL = {  # 굳이 [구지], 붙여 [부처], 닫히다 [다치다], [17]
    ("ㄷ", "ㅇ"): ("", "ㅈ"), ("ㅌ", "ㅇ"): ("", "ㅊ"), ("ㄾ", "ㅇ"): ("ㄹ", "ㅊ"),
    ("ㄷ", "ㅎ"): ("", "ㅊ"),
}  # fmt: skip


@cache
def _pairs() -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (coda, onset): _before_vowel(coda) if onset == "ㅇ" else _before_consonant(coda, onset)
        for coda in CODAS
        for onset in ONSETS
    }


def _parts(coda: str) -> tuple[str, str]:
    """Return the two consonants of a coda, the first a blank where there is one alone."""
    both = _PARTS.get(coda, " " + coda)
    return both[0], both[1]


def _before_vowel(coda: str) -> tuple[str, str]:
    """The last consonant goes over, [13, 14]; ㅎ falls, [12]; ㅇ stays."""
    if coda in ("", "ㅇ"):
        return coda, "ㅇ"
    first, last = _parts(coda)
    first = first.strip()
    if last == "ㅎ":
        return ("", first or "ㅇ")
    if first and last == "ㅅ":
        return first, "ㅆ"  # 없어 [업써]
    return first, last


def _before_consonant(coda: str, onset: str) -> tuple[str, str]:
    if coda == "":
        return coda, onset
    return _with_h(coda, onset) or _assimilated(*_tensed(coda, onset))


def _with_h(coda: str, onset: str) -> tuple[str, str] | None:
    """ㅎ on either side: aspiration and what goes with it, [12]."""
    first, last = _parts(coda)
    if last == "ㅎ" and onset in "ㄱㄷㅈㅅ":
        return first.strip(), _ASPIRATED.get(onset, "ㅆ")
    if onset != "ㅎ":
        return None
    if coda in ("ㄵ", "ㄺ", "ㄼ"):
        return first, _ASPIRATED[last]
    sound = coda if coda == "ㅈ" else _HEARD[coda]  # 맞히다 [마치다], but 꽃향기 [꼬턍기]
    return ("", _ASPIRATED[sound]) if sound in _ASPIRATED else None


def _tensed(coda: str, onset: str) -> tuple[str, str]:
    """Neutralise the coda and tense the onset after it, [9 to 11, 23 to 25]."""
    if coda == "ㄺ" and onset == "ㄱ":
        return "ㄹ", "ㄲ"  # 맑게 [말께]
    sound = _HEARD[coda]
    # Codas after which only stems of verbs and adjectives stand; nouns are in `korean_words`.
    stem = coda in ("ㄵ", "ㄻ", "ㄼ", "ㄾ") and onset != "ㅂ"
    return sound, _TENSE.get(onset, onset) if sound in _NASAL or stem else onset


def _assimilated(coda: str, onset: str) -> tuple[str, str]:
    """Nasals and ㄹ change what stands beside them, [18 to 20]."""
    if onset == "ㄹ" and coda not in ("ㄴ", "ㄹ"):
        onset = "ㄴ"  # 강릉 [강능], 독립 [동닙]
    if onset in "ㄴㅁ":
        coda = _NASAL.get(coda, coda)
    if coda + onset in ("ㄴㄹ", "ㄹㄴ"):
        return "ㄹ", "ㄹ"  # 신라 [실라], 칼날 [칼랄]
    return coda, onset


@cache
def _decomposed(char: str) -> Syllable:
    onset, rest = divmod(ord(char) - _FIRST, len(VOWELS) * len(CODAS))
    vowel, coda = divmod(rest, len(CODAS))
    return ONSETS[onset], VOWELS[vowel], CODAS[coda]


def _composed(syllable: Syllable) -> str:
    onset, vowel, coda = syllable
    number = ONSETS.index(onset) * len(VOWELS) + VOWELS.index(vowel)
    return chr(_FIRST + number * len(CODAS) + CODAS.index(coda))


@cache
def _phonemes(syllable: Syllable) -> tuple[str, ...]:
    onset, vowel, coda = syllable
    sounds = (_ONSET_IPA[onset], *_VOWEL_IPA[vowel], _CODA_IPA.get(coda, ""))
    return tuple(filter(None, sounds))

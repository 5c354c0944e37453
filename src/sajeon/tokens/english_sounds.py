"""English words to phonemes by gruut's lexicon, and by its guesser where that has no entry.

The lexicon is read here, once, in 0.5 s. Asked through gruut 2.4, each word is a walk through all
of its 128,877 entries, for the table has no index: 74 words/s. And gruut takes 1 s to import, which
only a word outside the lexicon needs, at 0.9 ms a guess. A word has the pronunciation that stands
first, in any context: ``read`` is [ɹid].
"""

from __future__ import annotations

import re
import sqlite3
import threading
import unicodedata
from contextlib import closing
from functools import cache, lru_cache
from itertools import chain, pairwise
from typing import Any

from ..errors import MissingExtraError
from .ipa import STRESS

LETTERS = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
_LONGEST = 100  # letters; more is no word, and the guesser takes 0.25 ms a letter
_INITIALS = frozenset(("AI", "IT", "US", "UN", "EU", "TV"))  # which are words as well
_UNMARKED = str.maketrans({
    "æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "ł": "l", "đ": "d", "ð": "th", "þ": "th", "ı": "i",
})  # fmt: skip
_LETTER_NAMES = {"a": "ˈeɪ"}  # the lexicon's first is the article
_HUMP = re.compile(rf"(?<=[{LETTERS}])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")
_HISSING, _VOICELESS = {"s", "z", "ʃ", "ʒ", "t͡ʃ", "d͡ʒ"}, {"p", "t", "k", "f", "θ"}

Phonemes = tuple[str, ...]


@lru_cache(1 << 16)
def syllables(word: str, shouted: bool = False) -> tuple[Phonemes, ...]:
    """Return the phonemes of each syllable of a word, with the stress on its vowels.

    >>> syllables("wonder")
    (('w', 'ˈʌ', 'n'), ('d', 'ɚ'))

    Args:
        word: Latin letters, with inner apostrophes or dots. Over 100 of them have no sound.
        shouted: Capitals mean nothing, since all around is written in capitals.

    Raises:
        MissingExtraError: gruut's lexicon, or for a word outside it gruut, is not installed.
    """
    if len(word) > _LONGEST:
        return ()
    letters = [c for c in word if c not in ".'’"]
    if "." in word or (word.isupper() and _is_spelled(word, shouted)):
        parts = [_letter(c) for c in letters]
    else:
        parts = [_sounds(word)]
    return tuple(chain.from_iterable(map(divided, parts)))


def number_words(number: str, suffix: str = "") -> list[str]:
    """Return a number as English words: a year, where it looks like one.

    >>> number_words("2", "nd"), number_words("1984"), number_words("3.5")
    (['second'], ['nineteen', 'eighty', 'four'], ['three', 'point', 'five'])

    Args:
        number: Digits, with commas between thousands and a decimal point or without.
        suffix: "st", "nd", "rd" or "th" makes it an ordinal.

    Raises:
        MissingExtraError: num2words is not installed.
    """
    try:
        from num2words import num2words
    except ImportError as error:
        raise MissingExtraError("numbers in English", "phonemes") from error
    digits = number.replace(",", "")
    if "." not in digits and (len(digits) > 15 or (digits[0] == "0" and len(digits) > 1)):
        names = [num2words(digit) for digit in range(10)]
        return [names[int(digit)] for digit in digits]
    to = "ordinal" if suffix else "year" if _YEAR.fullmatch(number) else "cardinal"
    value = float(digits) if "." in digits else int(digits)
    return re.findall("[a-z]+", num2words(value, to=to).lower())


_YEAR = re.compile(r"1[1-9]\d\d|20[1-9]\d")


def _is_spelled(word: str, shouted: bool) -> bool:
    """Whether capitals are read letter by letter: KBS, but not OK, NASA or all of a LOUD LINE."""
    if len(word) < 2 or (word in _INITIALS and not shouted):
        return len(word) > 1
    if word.lower() in _lexicon():
        return False
    return len(word) <= 4 or not set("AEIOUY") & set(word)


def _letter(character: str) -> Phonemes:
    plain = _unmarked(character.lower())[:1]
    return tuple((_LETTER_NAMES.get(plain) or _lexicon().get(plain, "")).split())


def _sounds(word: str) -> Phonemes:
    folded = word.lower().replace("’", "'")
    for spelled in (folded, folded.strip("'"), _unmarked(folded)):
        if spelled.endswith("in'") and f"{spelled[:-1]}g" in _lexicon():
            return (*_sounds(f"{spelled[:-1]}g")[:-1], "n")  # lovin'
        if spelled in _lexicon():
            return tuple(_lexicon()[spelled].split())
    if folded.endswith("'s"):
        return plural(tuple(chain.from_iterable(syllables(word[:-2]))))  # BTS's
    humps = _HUMP.split(word)
    if len(humps) > 1:  # YouTube, and what else is written so
        return tuple(chain.from_iterable(map(_sounds, humps)))
    return _guessed(_unmarked(folded).replace("'", ""))


@lru_cache(1 << 16)
def unstressed(syllables: tuple[Phonemes, ...]) -> tuple[Phonemes, ...]:
    """Return syllables without the marks of stress."""
    return tuple(tuple(sound.lstrip(STRESS) for sound in syllable) for syllable in syllables)


def plural(sounds: Phonemes) -> Phonemes:
    """Return a word with the ending -s or -'s."""
    last = sounds[-1] if sounds else ""
    if last in _HISSING:
        return (*sounds, "ɪ", "z")
    return (*sounds, "s" if last in _VOICELESS else "z")


def _unmarked(word: str) -> str:
    """Return a word of plain letters: café as cafe."""
    apart = unicodedata.normalize("NFKD", word.translate(_UNMARKED))
    return "".join(c for c in apart if c.isascii())


def _guessed(word: str) -> Phonemes:
    guesser = _guesser()
    with _ONE_AT_A_TIME:  # it holds the word it works on
        return tuple(guesser(word))


_ONE_AT_A_TIME = threading.Lock()


@cache
def _lexicon() -> dict[str, str]:
    lexicon: dict[str, str] = {}
    path = _data() / "lexicon.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT word, phonemes FROM word_phonemes ORDER BY word, pron_order"
        )
        for word, phonemes in rows:
            lexicon.setdefault(word, phonemes)
    return lexicon


@cache
def _guesser() -> Any:
    folder = _data()
    try:
        from gruut.g2p import GraphemesToPhonemes
    except ImportError as error:
        raise MissingExtraError("English words outside the lexicon", "phonemes") from error
    return GraphemesToPhonemes(folder / "g2p" / "model.crf")


def _data() -> Any:
    try:
        from gruut_lang_en import get_lang_dir
    except ImportError as error:
        raise MissingExtraError("English phonemes", "phonemes") from error
    return get_lang_dir()


# Consonants that begin an English syllable together.
_ONSETS = frozenset(
    [("s", c) for c in "ptkmnflw"]
    + [(c, "l") for c in "pbkɡf"]
    + [(c, "ɹ") for c in "pbtdkɡfθʃ"]
    + [(c, "w") for c in "tdkɡθh"]
    + [(c, "j") for c in "pbfvmkhntdsl"]
)
_VOWELS = frozenset([*"iɪɛæɑɔʊuʌəɚ", "eɪ", "aɪ", "ɔɪ", "oʊ", "aʊ"])


def divided(sounds: Phonemes) -> list[Phonemes]:
    """Return a word by syllables: each takes as many consonants before its vowel as can be said."""
    nuclei = [i for i, sound in enumerate(sounds) if sound.strip(STRESS) in _VOWELS]
    starts = [0]
    for before, nucleus in pairwise(nuclei):
        start = before + 1
        while not _can_begin(sounds[start:nucleus]):
            start += 1
        starts.append(start)
    ends = [*starts[1:], len(sounds)]
    return [sounds[start:end] for start, end in zip(starts, ends, strict=True) if start < end]


def _can_begin(consonants: Phonemes) -> bool:
    if len(consonants) < 2:
        return consonants != ("ŋ",)
    if len(consonants) == 3:
        return consonants[0] == "s" and consonants[1] in "ptk" and consonants[1:] in _ONSETS
    return consonants in _ONSETS

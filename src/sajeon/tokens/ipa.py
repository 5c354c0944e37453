"""The phonemes of Korean and English, one inventory in IPA; what each symbol stands for."""

from __future__ import annotations

KOREAN = {
    # consonants: plain, tense (U+0348 below), aspirated
    "p": "ㅂ", "p͈": "ㅃ", "pʰ": "ㅍ",
    "t": "ㄷ", "t͈": "ㄸ", "tʰ": "ㅌ",
    "k": "ㄱ", "k͈": "ㄲ", "kʰ": "ㅋ",
    "t͡ɕ": "ㅈ", "t͡ɕ͈": "ㅉ", "t͡ɕʰ": "ㅊ",
    "s": "ㅅ", "s͈": "ㅆ", "h": "ㅎ",
    "m": "ㅁ", "n": "ㄴ", "ŋ": "ㅇ at the end of a syllable", "l": "ㄹ",
    # glides, each a token before its vowel
    "j": "as in ㅑ ㅕ ㅛ ㅠ ㅒ ㅖ", "w": "as in ㅘ ㅝ ㅙ ㅚ ㅞ ㅟ", "ɰ": "as in ㅢ",
    # vowels
    "a": "ㅏ", "ʌ": "ㅓ", "o": "ㅗ", "u": "ㅜ", "ɯ": "ㅡ", "i": "ㅣ", "e": "ㅔ", "ɛ": "ㅐ",
}  # fmt: skip
"""Symbol to the letter or letters that it writes."""

ENGLISH = {
    "p": "pie", "b": "buy", "t": "tie", "d": "die", "k": "key", "ɡ": "guy",
    "t͡ʃ": "chin", "d͡ʒ": "jam",
    "f": "fan", "v": "van", "θ": "thin", "ð": "this", "s": "sea", "z": "zoo",
    "ʃ": "she", "ʒ": "vision", "h": "he",
    "m": "me", "n": "no", "ŋ": "sing", "l": "love", "ɹ": "red", "w": "we", "j": "yes",
    "i": "see", "ɪ": "sit", "ɛ": "bed", "æ": "cat", "ɑ": "father", "ɔ": "law", "ʊ": "book",
    "u": "moon", "ʌ": "cup", "ə": "about", "ɚ": "bird, her",
    "eɪ": "day", "aɪ": "my", "ɔɪ": "boy", "oʊ": "go", "aʊ": "now",
}  # fmt: skip
"""Symbol to words with it, in General American."""

STRESS = "ˈˌ"
"""Primary and secondary, before an English vowel where they are kept."""

WORD = "␣"
"""Stands between words where boundaries are kept."""

SYLLABLE = "."
"""Stands between the syllables of a word where these boundaries are kept, as IPA writes it."""

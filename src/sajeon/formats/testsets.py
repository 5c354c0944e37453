"""Test sets for word vectors: word pairs with scores, and analogy questions. Text files.

Similarity sets hold two words and a score a line, parted by tabs, commas, semicolons or blanks;
there may be a line of column names, and further columns (SimLex-999 has ten in all). Analogy sets
hold four words a line, and ``: name`` before each section (Mikolov et al., 2013,
questions-words.txt).
Empty lines and those that begin with ``#`` are passed over; a byte-order mark and CRLF do no harm.
"""

import csv
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import FormatError

_SCORE_NAMES = ("simlex999", "score", "similarity", "human (mean)", "human", "mean", "rating")


class Pair(NamedTuple):
    """Two words and how similar people found them, on whatever scale."""

    a: str
    b: str
    score: float


class Question(NamedTuple):
    """``a`` is to ``b`` as ``c`` is to ``d``."""

    section: str
    a: str
    b: str
    c: str
    d: str


def kind_of(path: str | os.PathLike[str]) -> Literal["similarity", "analogies"]:
    """Tell by its content what a test set holds.

    Raises:
        FormatError: It is neither, empty or not UTF-8 text.
        OSError: It cannot be read.
    """
    path = Path(path)
    lines = _lines(path)
    if lines[0][1].startswith(":"):
        return "analogies"
    number, line = lines[-1]  # the last line: the first may be column names
    row = _split(path, number, line, _delimiter(line))
    return "analogies" if len(row) == 4 and not any(map(_is_number, row[2:])) else "similarity"


def read_pairs(path: str | os.PathLike[str]) -> list[Pair]:
    """Read a similarity set.

    Words are in the first two columns. The score is in the column that is named ``SimLex999``,
    ``score``, ``similarity``, ``mean`` or the like, or in the first that holds a number.

    Raises:
        FormatError: A line has too few columns or no number where the score should be (with
            ``path:line``), or there is no pair in the file.
        OSError: It cannot be read.
    """
    path = Path(path)
    lines = _lines(path)
    delimiter = _delimiter(lines[0][1])
    rows = [(number, _split(path, number, line, delimiter)) for number, line in lines]
    has_names = not any(_is_number(cell) for cell in rows[0][1][2:])
    names = rows.pop(0)[1] if has_names and len(rows) > 1 else []
    column = _score_column(path, names, *rows[0])
    return [_pair(path, number, row, column) for number, row in rows]


def read_questions(path: str | os.PathLike[str]) -> list[Question]:
    """Read an analogy set.

    Raises:
        FormatError: A line has not four words (with ``path:line``), or there is no question.
        OSError: It cannot be read.
    """
    path = Path(path)
    section = ""
    questions = []
    for number, line in _lines(path):
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        words = _split(path, number, line, _delimiter(line))
        if len(words) != 4:
            raise FormatError(
                f"{path}:{number}: expected four words or ': section', got {line[:60]!r}."
            )
        questions.append(Question(section, *words))
    if not questions:
        raise FormatError(f"{path}: holds no analogy question.")
    return questions


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines that say something, with their numbers from 1."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise FormatError(f"{path}:{line}: not UTF-8 text: {error.reason}.") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [(number, line.strip(" ")) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line.strip() and line[0] != "#"]
    if not lines:
        raise FormatError(f"{path}: the file is empty; expected word pairs or analogy questions.")
    return lines


def _delimiter(line: str) -> str:
    return next((sign for sign in "\t,;" if line.count(sign) >= 2), " ")


def _split(path: Path, number: int, line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    if delimiter == "\t":
        return [cell.strip() for cell in line.split("\t")]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error as error:
        raise FormatError(f"{path}:{number}: {error}.") from error


def _score_column(path: Path, names: list[str], number: int, row: list[str]) -> int:
    lowered = [name.lower() for name in names]
    for wanted in _SCORE_NAMES:
        if wanted in lowered[2:]:
            return lowered.index(wanted, 2)
    for i, cell in enumerate(row[2:], 2):
        if _is_number(cell):
            return i
    raise FormatError(
        f"{path}:{number}: expected two words and a score, parted by tabs, commas or blanks, "
        f"got {' '.join(row)[:60]!r}."
    )


def _pair(path: Path, number: int, row: list[str], column: int) -> Pair:
    if len(row) <= column or not _is_number(row[column]) or not row[0] or not row[1]:
        raise FormatError(
            f"{path}:{number}: expected two words and a number in column {column + 1}, "
            f"got {' '.join(row)[:60]!r}."
        )
    return Pair(row[0], row[1], float(row[column]))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def sections(questions: list[Question]) -> Iterator[tuple[str, list[int]]]:
    """Yield each section's name and the indices of its questions, in order of first appearance."""
    members: dict[str, list[int]] = {}
    for i, question in enumerate(questions):
        members.setdefault(question.section, []).append(i)
    yield from members.items()

"""Which format a file of vectors has: its first bytes tell, never its name."""

from __future__ import annotations

import re

from ..errors import FormatError
from . import beginning
from .fasttext import looks_like_fasttext
from .source import Source

_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_SHOWN = 4096  # bytes looked at to tell text from numbers in binary form
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MAGIC = {
    b"\x93NUMPY": "npy",
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
}
_REFUSED = {
    b"SQLite format 3\x00": (
        "a SQLite database (Magnitude's format?), which is not read: export it as word2vec text"
    ),
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, which is not read: save the matrix as .npy",
    b"PK\x03\x04": (
        "a PyTorch or NumPy archive, which is not read: the first may run code when it is opened. "
        "Save the matrix with numpy.save, and its tokens as vocab.txt beside it, one a line"
    ),
}
_PICKLED = (
    "a Python pickle, gensim's own format. It is not read, since opening one can run any code that "
    "is in it. Export it from gensim: model.wv.save_word2vec_format('vectors.bin', binary=True), "
    "or of a FastText model gensim.models.fasttext.save_facebook_model(model, 'model.bin')"
)


def format_of(source: Source) -> str:
    """Return the name of the format, a key of `registry.READERS`.

    Raises:
        FormatError: It is a format that is not read, with the reason; or none that is known.
    """
    head = source.head
    _refuse(source.name, head)
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if _is_safetensors(head):
        return "safetensors"
    if looks_like_fasttext(head, source.size):
        return "fasttext"
    header = beginning.header_of(head)
    if header is not None:
        return "word2vec-text" if _is_text(head, header[1], header[2]) else "word2vec"
    if beginning.beginning_of(head) is not None:
        return "glove"
    raise FormatError(
        f"{source.name}: expected vectors in a known form (sajeon convert --help lists them), got "
        f"{'an empty file' if not head else repr(head[:40])}."
    )


def _refuse(name: str, head: bytes) -> None:
    for magic, what in _REFUSED.items():
        if head.startswith(magic):
            raise FormatError(f"{name}: this is {what}.")
    if _PICKLE.match(head) and (head[2:3] in b"\x95}]c(K" or b"gensim" in head[:_SHOWN]):
        raise FormatError(f"{name}: this is {_PICKLED}.")


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 9 and int.from_bytes(head[:8], "little") < 10**8 and head[8:10] == b'{"'


def _is_text(head: bytes, dim: int, start: int) -> bool:
    """Return whether rows, the first of which begins at `start`, are written as text."""
    row = beginning.first_line(head, start)
    if beginning.has_numbers(row, dim):
        return True
    if _CONTROL.search(head, start, start + _SHOWN):
        return False  # numbers in binary form are hardly ever without such bytes
    return beginning.has_numbers(row, 1) or len(beginning.fields_of(row)) == dim + 1

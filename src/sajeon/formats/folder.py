"""The model folder: what `sajeon.load` opens, and model2vec and sentence-transformers as well.

    config.json            "sajeon": {format, kind, tokenizer, vocabulary, training}; and the keys
                           that the other two ask for
    model.safetensors      embeddings            (n + 1, dim) float32, float16 or int8, the last row
                                                 zero: [UNK]
                           scales                (n,) float32, of int8: by which to multiply a row
                           vocabulary.offsets    (n + 1,) int64       } see `tokentable`
                           vocabulary.table      (slots,) int32       }
                           vocabulary.bytes      (bytes,) uint8       }
                           counts                (n,) int64, where known
                           subwords              (rows, dim) float32, where there are such
    tokenizer.json         } only where Hugging Face's tokenizers can express ours
    modules.json           }
    training.safetensors   what training can go on from, for example the second table "output"

Nothing in it says when, where, with how many threads or how fast it was made: the same model gives
the same bytes.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError
from ..types import Array, Counts
from . import atomic, huggingface, safetensors
from .tokentable import TokenTable

FORMAT = 1
STORED = tuple(map(np.dtype, (np.float32, np.float16, np.int8)))
"""What rows are stored as."""

KINDS = ("vectors", "classifier", "ngram", "text-classifier")
_OPENED_BY = {
    "vectors": "sajeon.load",
    "classifier": "sajeon.classify.load",
    "ngram": "sajeon.models.NGramLanguageModel.load",
    "text-classifier": "sajeon.models.TextClassifier.load",
}

_TEXTS = {"config.json", "tokenizer.json", "modules.json"}
_OURS = {*_TEXTS, "model.safetensors", "training.safetensors"}
_STRAY = {".DS_Store", "Thumbs.db", "desktop.ini"}  # left by file managers, nobody's work
_LARGEST_NUMBER = 8  # bytes
_ROOM_OF_A_TENSOR = 200  # bytes of a header
_GAP = "gap"
_PARTS = ("vocabulary.bytes", "vocabulary.offsets", "vocabulary.table")


@dataclass(frozen=True)
class ModelData:
    """What a model folder holds, as arrays and JSON values.

    Attributes:
        tokens: The n tokens in id order.
        matrix: (n, dim) float32, float16 or int8. Their vectors; of a folder that was read, a
            read-only view.
        counts: (n,) int64. How often each token occurred, or None.
        tokenizer: ``{"name", "settings"}``, or None where texts cannot be cut.
        vocabulary: JSON values: min_count, specials.
        settings: JSON values: how the model was trained.
        kind: One of `KINDS`.
        training: Arrays of training.safetensors by name, or None.
        tensors: Further arrays of model.safetensors by name, such as "scales" and "subwords".
        hf_tokenizer: tokenizer.json, or None; only used to write.
    """

    tokens: TokenTable
    matrix: Array
    counts: Counts | None = None
    tokenizer: Mapping[str, Any] | None = None
    vocabulary: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "vectors"
    training: Mapping[str, Array] | None = None
    tensors: Mapping[str, Array] = field(default_factory=dict)
    hf_tokenizer: Mapping[str, Any] | None = None


def write_folder(path: str | os.PathLike[str], data: ModelData) -> None:
    """Write a model folder, or replace one, all at once.

    Whatever goes wrong, a full disk or Ctrl-C, the old folder stays as it was. Whoever has the old
    one open keeps seeing the old one.

    Args:
        path: The folder; missing parents are made.
        data: What to write.

    Raises:
        FormatError: `path` holds something that is not a model, which would be lost.
        OSError: It cannot be written.
        TypeError, ValueError: The settings are not JSON values.
    """
    rows, shape = data.matrix, data.matrix.shape
    room = _ROOM_OF_A_TENSOR * len(data.tensors)
    write_stream(path, rows.dtype, shape[1], [rows], lambda: data, room)


def write_stream(
    path: str | os.PathLike[str],
    dtype: np.dtype[Any],
    dim: int,
    rows: Iterable[Array],
    rest: Callable[[], ModelData],
    room: int = 0,
) -> None:
    """Write a model folder whose rows come in pieces, as `write_folder` does.

    Args:
        path: The folder.
        dtype: Of the rows as they are stored.
        dim: Numbers in a row.
        rows: Each (any, dim) of that dtype.
        rest: Called after the last row: all else; its matrix is not looked at.
        room: Bytes kept for the names of more tensors than vectors have.
    """
    target = check_target(path)
    try:
        with atomic.replacing(target) as folder:
            with safetensors.Writer(folder / "model.safetensors", room=room) as writer:
                writer.add("embeddings", np.zeros((0, dim), dtype))
                for part in rows:
                    writer.extend("embeddings", part)
                writer.extend("embeddings", np.zeros((1, dim), dtype))
                data = rest()
                _add_others(writer, data)
            for name, text in _texts(data).items():
                with (folder / name).open("wb") as file:
                    file.write(text)
                    safetensors.flush_to_disk(file)
            if data.hf_tokenizer is not None:
                with (folder / "tokenizer.json").open("wb") as file:
                    huggingface.write_tokenizer_json(file, data.hf_tokenizer, data.tokens)
                    safetensors.flush_to_disk(file)
            if data.training is not None:
                safetensors.write(folder / "training.safetensors", data.training)
    except OSError as error:
        raise OSError(
            error.errno,
            f"could not save the model: {error.strerror}; what was there before is unchanged",
            str(path),
        ) from error


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return the absolute folder that saving to `path` would make or replace.

    Worth a call before long work, so that it is not done for nothing.

    Raises:
        FormatError: `path` is a file, the current folder, or a folder with other files in it.
    """
    target = Path(os.path.realpath(path))
    if Path(os.path.realpath(".")).is_relative_to(target):
        raise FormatError(f"{path}: a model cannot replace the current folder; name another.")
    if not target.exists():
        _check_parent(path, target)
        return target
    if not target.is_dir():
        raise FormatError(f"{path}: is a file; a model is saved as a folder: name another path.")
    names = {entry.name for entry in target.iterdir()} - _STRAY
    others = sorted(names - _OURS)
    if others or (names and not _is_model(target)):
        shown = ", ".join((others or sorted(names))[:3])
        raise FormatError(
            f"{path}: expected no folder, an empty one or a sajeon model; this one holds other "
            f"files ({shown}), which would be lost: name another path or move them."
        )
    return target


def _check_parent(path: str | os.PathLike[str], target: Path) -> None:
    """Raise if `target` cannot be made, as far as that can be known before trying."""
    parent = target.parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise FormatError(f"{path}: {parent} is a file, so no folder can be made in it.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise FormatError(f"{path}: the folder {parent} may not be written to; name another path.")


def read_folder(path: str | os.PathLike[str], kind: str = "vectors") -> ModelData:
    """Open a model folder. The arrays are memory-mapped: nothing is read until it is used.

    Args:
        path: The folder.
        kind: What it must hold, one of `KINDS`.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        FormatError: It is no model folder, damaged, or of a later format.
    """
    while True:
        folder = atomic.existing(Path(path))
        if not folder.exists():
            raise FileNotFoundError(f"{path}: there is no such file or folder.")
        if not folder.is_dir():
            raise FormatError(
                f"{path}: is a file; expected a model folder of sajeon (sajeon convert makes one)."
            )
        opened = folder.stat()
        data = _read(folder, kind)
        if folder.exists() and os.path.samestat(opened, folder.stat()):
            return data  # otherwise it was replaced meanwhile, and we may hold parts of both


def _read(folder: Path, kind: str) -> ModelData:
    config = _read_config(folder / "config.json", kind)
    path = folder / "model.safetensors"
    if not path.is_file():
        raise FormatError(f"{folder}: model.safetensors is missing.")
    tensors, _ = safetensors.read(path)
    matrix = _matrix(path, tensors.pop("embeddings", None))
    tokens = _vocabulary(path, tensors)
    tensors.pop(_GAP, None)
    counts = tensors.pop("counts", None)
    _check_scales(path, matrix, tensors.get("scales"))
    if len(tokens) != len(matrix):
        raise FormatError(f"{path}: {len(matrix):,} vectors but {len(tokens):,} tokens.")
    if counts is not None and (counts.dtype != np.int64 or counts.shape != (len(tokens),)):
        raise FormatError(
            f"{path}: expected counts ({len(tokens)},) int64, got {counts.shape} {counts.dtype}."
        )
    training = folder / "training.safetensors"
    return ModelData(
        tokens=tokens,
        matrix=matrix,
        counts=counts,
        tokenizer=config["tokenizer"],
        vocabulary=config["vocabulary"],
        settings=config["training"],
        kind=kind,
        training=safetensors.read(training)[0] if training.is_file() else None,
        tensors=tensors,
    )


def _read_config(path: Path, kind: str) -> dict[str, Any]:
    ours = _load_config(path).get("sajeon")
    if not isinstance(ours, dict):
        raise FormatError(f'{path}: has no "sajeon" block: this is not a model that sajeon saved.')
    found, found_kind = ours.get("format"), ours.get("kind")
    if found != FORMAT or isinstance(found, bool):
        raise FormatError(
            f"{path}: the model has format {found!r}, sajeon {_version()} reads format {FORMAT}. "
            "If a newer sajeon saved it: pip install --upgrade sajeon."
        )
    if found_kind not in KINDS:
        raise FormatError(
            f"{path}: the model is of kind {found_kind!r}, sajeon {_version()} knows "
            f"{', '.join(KINDS)}. If a newer sajeon saved it: pip install --upgrade sajeon."
        )
    if found_kind != kind:
        opener = _OPENED_BY.get(found_kind)
        hint = f" Open it with {opener}({str(path.parent)!r})." if opener else ""
        raise FormatError(f"{path}: expected a model of kind {kind!r}, got {found_kind!r}.{hint}")
    tokenizer, empty = ours.get("tokenizer"), dict[str, Any]()
    blocks = {name: ours.get(name, empty) for name in ("vocabulary", "training")}
    for name, block in [("tokenizer", empty if tokenizer is None else tokenizer), *blocks.items()]:
        if not isinstance(block, dict):
            raise FormatError(f'{path}: "{name}" must be a JSON object, got {str(block)[:60]}.')
    return {"tokenizer": tokenizer, **blocks}


def _load_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FormatError(
            f"{path.parent}: has no config.json: this is not a folder that sajeon saved."
        ) from error
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}:{error.lineno}: not JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise FormatError(f"{path}:1: expected a JSON object, got {str(config)[:40]}.")
    return config


def _is_model(folder: Path) -> bool:
    try:
        return isinstance(_load_config(folder / "config.json").get("sajeon"), dict)
    except FormatError:
        return False


def _matrix(path: Path, embeddings: Array | None) -> Array:
    if embeddings is None:
        raise FormatError(f'{path}: has no tensor "embeddings".')
    if embeddings.dtype not in STORED or embeddings.ndim != 2 or len(embeddings) == 0:
        raise FormatError(
            f"{path}: expected embeddings (tokens + 1, dim) float32, float16 or int8, "
            f"got {embeddings.shape} {embeddings.dtype}."
        )
    if embeddings[-1].any():
        raise FormatError(f"{path}: the last row of embeddings, for [UNK], must be zero.")
    return embeddings[:-1]


def _check_scales(path: Path, matrix: Array, scales: Array | None) -> None:
    """An int8 row is nothing without its scale, and other rows have none."""
    expected = (len(matrix),) if matrix.dtype == np.int8 else None
    found = None if scales is None else scales.shape
    if found != expected or (scales is not None and scales.dtype != np.float32):
        raise FormatError(
            f"{path}: expected scales {expected} float32 with {matrix.dtype} rows, got "
            f"{'none' if scales is None else f'{found} {scales.dtype}'}."
        )


def _vocabulary(path: Path, tensors: dict[str, Array]) -> TokenTable:
    missing = [name for name in _PARTS if name not in tensors]
    if missing:
        raise FormatError(f"{path}: has no tensor {' and no '.join(map(repr, missing))}.")
    try:
        return TokenTable(*(tensors.pop(name) for name in _PARTS))
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def _texts(data: ModelData) -> dict[str, bytes]:
    """Return the text files of the folder by name."""
    block = {
        "format": FORMAT,
        "kind": data.kind,
        "tokenizer": data.tokenizer and dict(data.tokenizer),
        "vocabulary": dict(data.vocabulary),
        "training": dict(data.settings),
    }
    if data.hf_tokenizer is None:
        return {"config.json": _json({"sajeon": block})}
    config = {
        **huggingface.model_config(data.matrix.shape[1], data.matrix.dtype.name),
        "sajeon": block,
    }
    return {
        "config.json": _json(config),
        "modules.json": _json(huggingface.modules()),
    }


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)
    return f"{text}\n".encode()


def _add_others(writer: safetensors.Writer, data: ModelData) -> None:
    """Write all tensors but the rows, large numbers first, so that each stands where it may.

    The format allows no gap, so behind the rows a few bytes may have to stand for one.
    """
    others: dict[str, Array] = {
        "vocabulary.offsets": data.tokens.offsets,
        "vocabulary.table": data.tokens.table,
        "vocabulary.bytes": data.tokens.data,
        **({} if data.counts is None else {"counts": data.counts}),
        **data.tensors,
    }
    if writer.size % _LARGEST_NUMBER:
        writer.add(_GAP, np.zeros(-writer.size % _LARGEST_NUMBER, np.uint8))
    for name, tensor in sorted(others.items(), key=lambda item: -item[1].itemsize):
        writer.add(name, tensor)


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("sajeon")
    except metadata.PackageNotFoundError:  # run from a source folder
        return "(unreleased)"

"""Safetensors files, memory-mapped to read and streamed to write.

The format: 8 bytes, the length of the header as a little-endian integer; the header, a JSON object
``{name: {"dtype", "shape", "data_offsets": [begin, end]}}``, offsets counted from the end of the
header; the data, little-endian, rows first, without gaps or overlaps.
Source: https://huggingface.co/docs/safetensors, section "Format".

Why not the ``safetensors`` package here: it reads each tensor into memory and writes from one
``bytes`` object a tensor, so a table of 10 GB costs 10 GB more than the table. It is the oracle in
the tests, in both directions.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from ..errors import FormatError
from ..types import Array

MAX_HEADER = 100_000_000
"""Bytes. The limit of the safetensors package: a longer header is refused there too."""

ALIGNMENT = 64
"""Bytes. Data starts at a multiple of this, so that the first tensor suits any vector unit."""

_DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
    "C64": "<c8",
}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_LEAST_HEADER = 1024  # bytes: eight tensors; more is kept where more are known
_CHUNK = 1 << 22  # bytes handed to one write call: what a save needs beside the arrays themselves


class _Tensor(NamedTuple):
    """One entry of a header, checked: the data are bytes ``begin`` to ``end`` after the header."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def read(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Map a safetensors file into memory.

    Args:
        path: The file.

    Returns:
        The tensors by name, in file order: read-only views of the mapped file, so nothing is read
        until it is used. And the file's own metadata, strings by name (often empty).

    Raises:
        FormatError: The file is not a whole, well-formed safetensors file; with path and byte.
        FileNotFoundError: There is no such file.
    """
    size = path.stat().st_size
    header, start = _read_header(path, size)
    metadata = _checked_metadata(path, header.pop("__metadata__", {}))
    entries = [_checked_entry(path, name, entry) for name, entry in header.items()]
    entries.sort(key=lambda tensor: (tensor.begin, tensor.end))
    _check_cover(path, entries, start, size)
    data = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))[start:]
    return {tensor.name: _view(path, data, tensor) for tensor in entries}, metadata


def write(
    path: Path,
    tensors: Mapping[str, "Array | Sequence[Array]"],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a safetensors file, tensors in the order given, and flush it to the disk.

    Args:
        path: The file, made or overwritten.
        tensors: By name: an array of any shape, or a list of arrays of one dtype and equal shapes
            but for the first axis, which become one tensor, stacked along it. Memory-mapped
            arrays are copied piece by piece.
        metadata: Strings by name.

    Raises:
        ValueError: A dtype that the format does not have, or parts that do not stack.
        OSError: The disk is full or not writable.
    """
    parts = {name: _as_parts(name, tensor) for name, tensor in tensors.items()}
    with Writer(path, metadata, room=sum(200 + 6 * len(name) for name in parts)) as writer:
        for name, arrays in parts.items():
            writer.add(name, *arrays)


class Writer:
    """Writes a file tensor by tensor, each in as many pieces as come; its header is filled in last.

    To be used in a ``with`` block, at whose end the file is whole and flushed to the disk.

    Args:
        path: The file, made or overwritten.
        metadata: Strings by name.
        room: Bytes kept for the header, at least.
    """

    def __init__(
        self, path: Path, metadata: Mapping[str, str] | None = None, room: int = 0
    ) -> None:
        self._header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
        least = _LEAST_HEADER + room + len(json.dumps(self._header).encode())
        self._start = -(-least // ALIGNMENT) * ALIGNMENT
        self._file = path.open("wb")
        self._file.write(b" " * self._start)
        self.size = 0
        """Bytes of data so far."""

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._file.write(_packed_header(self._header, self._start))
                flush_to_disk(self._file)

    def add(self, name: str, *arrays: Array) -> None:
        """Write a tensor, or begin one that `extend` goes on with.

        Raises:
            OSError: The disk is full or not writable.
        """
        self._header[name] = {
            "dtype": _NAMES[arrays[0].dtype.newbyteorder("<")],
            "shape": list(arrays[0].shape),
            "data_offsets": [self.size, self.size],
        }
        if arrays[0].ndim:
            self._header[name]["shape"][0] = 0
        for array in arrays:
            self.extend(name, array)

    def extend(self, name: str, array: Array) -> None:
        """Write further rows of the tensor that was added last."""
        entry = self._header[name]
        _write_data(self._file, array)
        self.size += array.nbytes
        entry["data_offsets"][1] = self.size
        if array.ndim:
            entry["shape"][0] += len(array)


def flush_to_disk(file: IO[bytes]) -> None:
    """Return when what was written to `file` would survive a power cut."""
    file.flush()
    os.fsync(file.fileno())


def _read_header(path: Path, size: int) -> tuple[dict[str, Any], int]:
    with path.open("rb") as file:
        first = file.read(8)
        if len(first) < 8:
            raise FormatError(
                f"{path}: byte 0: expected the 8-byte length of a safetensors header, "
                f"the file has {size} bytes."
            )
        length = int.from_bytes(first, "little")
        if length > min(size - 8, MAX_HEADER):
            raise FormatError(
                f"{path}: byte 0: the header is said to have {length:,} bytes; the file has "
                f"{size:,}, and more than {MAX_HEADER:,} are never accepted. "
                "This is not a safetensors file, or it was cut short."
            )
        text = file.read(length)
    try:
        header = json.loads(text.decode(), object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: byte 8: the header is not JSON: {error}.") from error
    if not isinstance(header, dict):
        raise FormatError(f"{path}: byte 8: the header is not a JSON object.")
    return header, 8 + length


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name stands twice")
    return result


def _checked_metadata(path: Path, metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FormatError(f"{path}: byte 8: __metadata__ must map names to strings.")
    return metadata


def _checked_entry(path: Path, name: str, entry: object) -> _Tensor:
    try:
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]  # type: ignore[index]
        begin, end = offsets
    except (TypeError, KeyError, ValueError) as error:
        raise FormatError(
            f"{path}: byte 8: tensor {name!r}: expected dtype, shape and two data_offsets, "
            f"got {str(entry)[:80]}."
        ) from error
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise FormatError(
            f"{path}: byte 8: tensor {name!r} has dtype {dtype!r}; "
            f"known here are {', '.join(_DTYPES)}."
        )
    numbers = [begin, end, *shape] if isinstance(shape, list) else [None]
    if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise FormatError(
            f"{path}: byte 8: tensor {name!r}: shape and offsets must be whole numbers from 0, "
            f"got {str(shape)[:80]} and {str(offsets)[:80]}."
        )
    tensor = _Tensor(name, np.dtype(_DTYPES[dtype]), tuple(shape), begin, end)
    if math.prod(shape) * tensor.dtype.itemsize != end - begin:
        raise FormatError(
            f"{path}: byte 8: tensor {name!r} is said to be {dtype} {str(shape)[:80]}, "
            f"which does not take the {end - begin:,} bytes of its offsets {begin} to {end}."
        )
    return tensor


def _check_cover(path: Path, entries: Sequence[_Tensor], start: int, size: int) -> None:
    """Each tensor must begin where the one before ends, and the last end with the file."""
    expected = 0
    for tensor in entries:
        if tensor.begin != expected:
            raise FormatError(
                f"{path}: byte {start + min(expected, tensor.begin)}: tensor {tensor.name!r} "
                f"begins at {tensor.begin} of the data, expected {expected}: a gap or an overlap."
            )
        expected = tensor.end
    if start + expected != size:
        raise FormatError(
            f"{path}: byte {min(size, start + expected)}: the header describes a file of "
            f"{start + expected:,} bytes, this one has {size:,}: cut short or damaged."
        )


def _view(path: Path, data: Array, tensor: _Tensor) -> Array:
    try:
        view = data[tensor.begin : tensor.end].view(tensor.dtype).reshape(tensor.shape)
    except ValueError as error:  # more axes or longer ones than an array may have
        raise FormatError(f"{path}: byte 8: tensor {tensor.name!r}: {error}.") from error
    if tensor.dtype.kind == "b" and view.view(np.uint8).max(initial=0) > 1:
        raise FormatError(
            f"{path}: byte {path.stat().st_size - len(data) + tensor.begin}: "
            f"tensor {tensor.name!r} is BOOL but holds bytes other than 0 and 1."
        )
    return view


def _as_parts(name: str, tensor: "Array | Sequence[Array]") -> list[Array]:
    parts = [tensor] if isinstance(tensor, np.ndarray) else list(tensor)
    dtypes = {part.dtype.newbyteorder("<") for part in parts}
    if len(dtypes) != 1 or dtypes.isdisjoint(_NAMES):
        raise ValueError(f"tensor {name!r}: cannot write dtype {sorted(map(str, dtypes))}.")
    if len({part.shape[1:] for part in parts}) > 1:
        raise ValueError(f"tensor {name!r}: parts of shapes {[part.shape for part in parts]}.")
    if len(parts) > 1 and not all(part.ndim for part in parts):
        raise ValueError(f"tensor {name!r}: single numbers do not stack.")
    return parts


def _packed_header(header: Mapping[str, Any], size: int) -> bytes:
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    if len(text) > size - 8:
        raise ValueError(f"the header takes {len(text):,} bytes, {size - 8:,} were kept for it.")
    return (size - 8).to_bytes(8, "little") + text.ljust(size - 8)


def _write_data(file: IO[bytes], array: Array) -> None:
    for chunk in _chunks(array):
        little = np.ascontiguousarray(chunk, dtype=chunk.dtype.newbyteorder("<"))
        file.write(little.reshape(-1).view(np.uint8).data)


def _chunks(array: Array) -> Iterator[Array]:
    """Cut an array along its first axis into pieces of about `_CHUNK` bytes."""
    if array.size == 0:
        return
    if array.ndim == 0:
        yield array
        return
    rows = max(1, _CHUNK * len(array) // array.nbytes)
    for start in range(0, len(array), rows):
        yield array[start : start + rows]

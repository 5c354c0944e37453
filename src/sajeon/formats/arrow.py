"""Parquet and Arrow files (extra "data"): a row each, in columns.

    token    string
    count    int64, where known
    vector   list of float32, of fixed size where we write it

Sources: https://parquet.apache.org/docs/file-format/, https://arrow.apache.org/docs/format/. Both
are read and written by pyarrow. An Arrow file is what is also called Feather, version 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError, MissingExtraError
from ..types import Array
from .selection import Selected
from .source import Source
from .vectorfile import Chunk, VectorFile, rows_per_chunk

_TOKEN, _COUNT, _VECTOR = "token", "count", "vector"
_MOST_ROWS = 1 << 16  # in a batch


def open_arrow(source: Source) -> VectorFile:
    """Open a Parquet or Arrow file that has a column of tokens and one of vectors.

    The columns may have any names, where there is one of texts and one of lists of numbers.

    Raises:
        FormatError: It is damaged, or there are no such columns.
        MissingExtraError: pyarrow is not installed.
    """
    pa = _pyarrow()
    path = source.unpacked()
    with damage_named(path):
        schema, num_rows = look(path)
    token = _column(path, schema, _TOKEN, lambda t: pa.types.is_string(t) or _is_large(t))
    vector = _column(path, schema, _VECTOR, _is_vector)
    first = next(batches(path, [vector]), None)
    dim = 0 if first is None else _rows(path, first.column(0), 0, None).shape[1]
    if dim == 0:
        raise FormatError(f"{path}: expected rows of numbers in {vector!r}, there are none.")

    def chunks() -> Iterator[Chunk]:
        done = 0
        for batch in batches(path, [token, vector], rows_per_chunk(dim)):
            tokens = [text.encode() for text in _texts(path, batch.column(0), done)]
            rows = _rows(path, batch.column(1), done, dim)
            done += len(tokens)
            yield Chunk(tokens, rows, source.stored * done // max(1, num_rows))

    return VectorFile(
        format="arrow",
        name=source.name,
        dim=dim,
        num_rows=num_rows,
        stored=source.stored,
        chunks=chunks,
        counts=_counts(path, schema),
    )


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("Parquet and Arrow files", "data") from error
    return pyarrow


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises of a damaged file into a FormatError."""
    pa = _pyarrow()
    try:
        yield
    except FormatError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"{path}: not a whole Parquet or Arrow file: {error}.") from error


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def look(path: Path) -> tuple[Any, int]:
    """Return the schema and the number of rows."""
    if _is_parquet(path):
        from pyarrow import parquet

        with parquet.ParquetFile(path) as table:
            return table.schema_arrow, table.metadata.num_rows
    import pyarrow

    with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_file(file) as table:
        sizes = (table.get_batch(i).num_rows for i in range(table.num_record_batches))
        return table.schema, sum(sizes)


def batches(path: Path, columns: list[str], rows: int = _MOST_ROWS) -> Iterator[Any]:
    """Yield record batches of some columns, each of at most so many rows."""
    import pyarrow

    with damage_named(path):
        if _is_parquet(path):
            from pyarrow import parquet

            with parquet.ParquetFile(path) as table:
                for batch in table.iter_batches(min(rows, _MOST_ROWS), columns=columns):
                    yield batch.select(columns)
            return
        with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_file(file) as table:
            for i in range(table.num_record_batches):
                batch = table.get_batch(i)
                batch.validate(full=True)  # or damaged offsets would be followed anywhere
                yield batch.select(columns)


def _is_large(kind: Any) -> bool:
    return bool(_pyarrow().types.is_large_string(kind))


def _is_vector(kind: Any) -> bool:
    types = _pyarrow().types
    listed = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return any(is_one(kind) for is_one in listed) and types.is_floating(kind.value_type)


def _column(path: Path, schema: Any, name: str, fits: Any) -> str:
    found = [field.name for field in schema if fits(field.type)]
    if name in found:
        return name
    if len(found) == 1:
        return str(found[0])
    columns = ", ".join(f"{field.name} {field.type}" for field in schema)
    raise FormatError(
        f"{path}: expected a column {name!r} of {'texts' if name == _TOKEN else 'lists of numbers'}"
        f"; the columns are {columns}."
    )


def _texts(path: Path, column: Any, first: int) -> list[str]:
    if column.null_count:
        raise FormatError(f"{path}: a token is missing among rows {first + 1} and following.")
    return list(column.to_pylist())


def _rows(path: Path, column: Any, first: int, dim: int | None) -> Array:
    """Return (rows, dim) float32 of a column of lists."""
    flat = column.flatten()
    num = len(column)
    size = len(flat) // max(1, num) if dim is None else dim
    uneven = column.null_count or flat.null_count or len(flat) != num * size
    if not uneven and not _pyarrow().types.is_fixed_size_list(column.type):
        lengths = np.diff(column.offsets.to_numpy())
        uneven = bool((lengths != size).any())
    if uneven:
        raise FormatError(
            f"{path}: expected {size} numbers in each vector; rows {first + 1} to {first + num} "
            "have others, or none."
        )
    values = flat.to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float32).reshape(num, size)


def _counts(path: Path, schema: Any) -> Array | None:
    if _COUNT not in schema.names or str(schema.field(_COUNT).type) != "int64":
        return None
    parts = [batch.column(0).to_numpy(zero_copy_only=False) for batch in batches(path, [_COUNT])]
    counts = np.concatenate([np.zeros(0, np.int64), *parts])
    return counts if counts.dtype == np.int64 else None  # a missing one makes them all float


def write_parquet(paths: Sequence[Path], file: VectorFile, parts: Iterator[Selected]) -> int:
    """Write a Parquet file; return the number of rows."""
    _pyarrow()
    from pyarrow import parquet

    with parquet.ParquetWriter(paths[0], _schema(file), compression="zstd") as writer:
        return _write(writer, file, parts)


def write_arrow(paths: Sequence[Path], file: VectorFile, parts: Iterator[Selected]) -> int:
    """Write an Arrow file; return the number of rows."""
    pa = _pyarrow()
    with pa.OSFile(str(paths[0]), "wb") as sink, pa.ipc.new_file(sink, _schema(file)) as writer:
        return _write(writer, file, parts)


def _schema(file: VectorFile) -> Any:
    pa = _pyarrow()
    count = [] if file.counts is None else [(_COUNT, pa.int64())]
    return pa.schema([(_TOKEN, pa.string()), *count, (_VECTOR, pa.list_(pa.float32(), file.dim))])


def _write(writer: Any, file: VectorFile, parts: Iterator[Selected]) -> int:
    pa, num = _pyarrow(), 0
    schema = _schema(file)
    for part in parts:
        flat = pa.array(np.ascontiguousarray(part.rows, np.float32).reshape(-1))
        columns = [
            pa.array([token.decode() for token in part.tokens], pa.string()),
            *([] if file.counts is None else [pa.array(file.counts[part.places])]),
            pa.FixedSizeListArray.from_arrays(flat, file.dim),
        ]
        writer.write_batch(pa.record_batch(columns, schema=schema))
        num += len(part.tokens)
    return num

"""Words in the plane: the two directions in which their vectors vary most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..types import Doubles, Floats
    from ..vectors import Vectors

_CHUNK = 1 << 22  # numbers converted at once: 16 MB of float32


def unit_rows(vectors: Vectors, num: int) -> Floats:
    """Return (num, dim) float32, a new array: the first rows, each of length 1.

    Length 1, since likeness is the cosine everywhere in this package. Zero rows stay zero, and so
    become those that hold NaN or infinity, which have no place anywhere.
    """
    rows = np.empty((num, vectors.dim), np.float32)
    step = max(1, _CHUNK // vectors.dim)
    for start in range(0, num, step):
        part = slice(start, min(start + step, num))
        norms = vectors.norms[part]  # of the rows as they are stored, before any scale
        fine = np.isfinite(norms) & (norms > 0)
        stored = vectors.matrix[part].astype(np.float64)
        stored[~fine] = 0
        rows[part] = stored / np.where(fine, norms, 1)[:, None]
    return rows


def pca(rows: Floats) -> tuple[Floats, float]:
    """Project rows on their first two principal components.

    Args:
        rows: (num, dim) float32.

    Returns:
        (num, 2) float32, a new array, centred; the sign of each axis is such that the largest
        weight is positive, so that the picture does not depend on the linear algebra library. And
        the share of the variance that the two axes show, 0 to 1.
    """
    axes, shares = principal_axes(rows)
    placed: Floats = (rows - rows.mean(axis=0)) @ axes.astype(np.float32)
    return placed, float(shares[:2].sum())


def principal_axes(rows: Floats, num: int = 2) -> tuple[Doubles, Doubles]:
    """Return (dim, num) float64, the first principal axes, and (num,) their shares of variance.

    Where there are fewer dimensions than axes the others are zero.
    """
    mean = rows.mean(axis=0)
    covariance = np.zeros((rows.shape[1],) * 2)
    step = max(1, _CHUNK // rows.shape[1])
    for start in range(0, len(rows), step):
        part = rows[start : start + step] - mean
        covariance += part.T @ part
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = np.maximum(variances[::-1][:num], 0), axes[:, ::-1][:, :num]
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0))
    axes = axes * np.where(signs == 0, 1, signs)
    missing = num - axes.shape[1]
    total = np.trace(covariance)
    shares = variances / total if total > 0 else np.zeros_like(variances)
    return np.pad(axes, ((0, 0), (0, missing))), np.pad(shares, (0, missing))


def followed(rows: Floats, axes: Floats) -> Floats:
    """Turn axes towards the principal ones, from where they were: a step of orthogonal iteration.

    Repeated while the rows move a little each time, it stays near their principal axes, none of
    which ever changes its sign or place, so that a map of them does not jump. By einsum, which
    starts no threads: those of a BLAS took 0.4 s of CPU for 10,000 rows and their covariance beside
    a training that has all cores; this takes 0.01.

    Args:
        rows: (num, dim) float32, centred.
        axes: (dim, k) float32, orthonormal.

    Returns:
        (dim, k) float32, orthonormal.
    """
    towards = [np.einsum("nd,n->d", rows, seen) for seen in projected(rows, axes).T]
    turned, lengths = np.linalg.qr(np.stack(towards, axis=1))
    turned *= np.where(np.diag(lengths) < 0, -1, 1)  # of two directions the one that was
    followed: Floats = turned.astype(np.float32)
    return followed


def projected(rows: Floats, axes: Floats) -> Floats:
    """Return (num, k) float32: rows on axes, without threads."""
    return np.stack([np.einsum("nd,d->n", rows, axis) for axis in axes.T], axis=1)

"""Sequences that are no texts: items in order, and walks over a graph."""

from .graph import random_walks
from .items import read_sequences

__all__ = ["random_walks", "read_sequences"]

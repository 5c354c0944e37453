"""A corpus as one array of ids on disk, memory-mapped, and how it is read from text."""

from .build import Corpus, build_corpus

__all__ = ["Corpus", "build_corpus"]

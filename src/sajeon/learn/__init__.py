"""Corpus to vectors: what is learned (objectives) and how (one trainer for all of them)."""

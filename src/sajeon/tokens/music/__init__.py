"""Melodies: recordings, MIDI and ABC as frames of pitch and as notes, and the levels of a scale."""

from .melodies import FRAME, Melody, Note
from .reading import read
from .scales import Scale

__all__ = ["FRAME", "Melody", "Note", "Scale", "read"]

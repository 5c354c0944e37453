"""Compiled inner loops: arrays in, arrays changed, nothing else. Each has a plain NumPy twin."""

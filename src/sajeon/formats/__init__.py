"""File formats, one module each, over arrays: tokens, matrix, counts, settings, further tensors.

Nothing here unpickles, and nothing is allocated because a header asks for it: every claim of a
file is first compared with the bytes that are there.
"""

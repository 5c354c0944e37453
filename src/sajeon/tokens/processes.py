"""Texts cut into tokens by several processes, for tokenizers that take their time.

Each process is a Python of its own, started by name and not by `multiprocessing`, which would run
the caller's script again in each. It is told the tokenizer's name and settings, then gets texts and
gives token lists, as JSON, in order. It ends when its input does, so none outlives us.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, BinaryIO

from ..errors import SajeonError
from .protocol import Tokenizer, token_lists, tokenizer_from_config, tokenizer_to_config
from .readers import stretches

BATCH = 1 << 15
"""Characters of texts that are cut together."""
_AHEAD = 3  # batches in the hands of each process
_SIZE = 8  # bytes that say how long a message is


def cut(texts: Iterable[str], tokenizer: Tokenizer, processes: int) -> Iterator[list[str]]:
    """Yield the tokens of each text, in order.

    Raises:
        SajeonError: A process ended before its work.
        ValueError: The tokenizer refused a text; as the tokenizer itself says it.
    """
    workers = [_Worker(tokenizer) for _ in range(processes)]
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def ask(batch: list[str]) -> list[list[str]]:
        worker = idle.get()
        try:
            return worker.ask(batch)
        finally:
            idle.put(worker)

    waiting: deque[Future[list[list[str]]]] = deque()
    pool = ThreadPoolExecutor(processes, thread_name_prefix="sajeon-cut")
    try:
        for batch in stretches(texts, BATCH):
            waiting.append(pool.submit(ask, batch))
            if len(waiting) >= processes * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for worker in workers:
            worker.end()
        pool.shutdown()


class _Worker:
    """A process that cuts texts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        code = f"from {__name__} import serve; serve()"
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._send(tokenizer_to_config(tokenizer))

    def ask(self, texts: list[str]) -> list[list[str]]:
        """Return the tokens of each text."""
        self._send(texts)
        assert self._process.stdout is not None
        kind, answer = _receive(self._process.stdout) or ("ended", "")
        if kind == "tokens":
            lists: Any = answer
            return list(lists)
        if kind == "refused":
            raise ValueError(answer)
        raise SajeonError(
            "a process that cuts texts into tokens ended before its work was done: "
            f"{answer or 'see above'}"
        )

    def end(self) -> None:
        """Stop the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, and said so in its last answer
            _send(self._process.stdin, message)


def serve() -> None:
    """Cut texts from standard input until it ends: what each process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not stand between our answers
    tokenizer: Tokenizer | None = None
    try:
        tokenizer = tokenizer_from_config(_receive(source))
        while (texts := _receive(source)) is not None:
            try:
                answer = ["tokens", token_lists(tokenizer, texts)]
            except ValueError as error:
                answer = ["refused", str(error)]
            _send(target, answer)
    except BaseException as error:
        _send(target, ["failed", f"{type(error).__name__}: {error}"])


def _send(file: BinaryIO | Any, message: Any) -> None:
    data = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
    file.write(len(data).to_bytes(_SIZE, "little") + data)
    file.flush()


def _receive(file: BinaryIO | Any) -> Any:
    """Return the next message, None where there is no more."""
    head = file.read(_SIZE)
    if len(head) < _SIZE:
        return None
    data = file.read(int.from_bytes(head, "little"))
    return json.loads(data.decode("utf-8", "surrogatepass"))

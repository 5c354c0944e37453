"""Requests per second of `sajeon serve`: an empty endpoint and sentence-transformers beside it.

    python benchmarks/serve.py MODEL CORPUS [--seconds 5] [--repeat 5] [--connections 8]
                               [--run 60] [--out F]

MODEL is a folder of `sajeon train`, cut by `words`, which sentence-transformers opens as well.
CORPUS gives texts of 5 to 15 words. One server process, on loopback, has all endpoints: they take
the same requests, are called in the same way and write the same answers; "empty" answers without
looking at the parsed request, the peer's vectors come from its `encode`. Each is asked in turn,
`--repeat` times; shown are medians, and those of the ratios within a repetition. The processor time
of the server is what says most on a machine that others use, too. Requests come from
wrk where it is installed, from a client of our own otherwise, which takes a core for itself.

"Inside" is measured in this process: what the handler takes from the parsed request to the vector
and to the bytes of the answer, and what the peer's `encode` takes to the vector. At last one long
run, whose latencies and memory are shown by quarters.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import machine, say, show, table, versions
from encode import short_texts
from fastapi import Request, Response

import sajeon
from sajeon.serve import app, openai
from sajeon.serve.models import Model, Models
from sajeon.serve.running import listen, run
from sajeon.serve.settings import Settings
from sajeon.serve.shapes import EmbeddingsAnswered, EmbeddingsAsked

NUM_TEXTS = 500
SIDES = {
    "empty": ("/empty", "float"),
    "sajeon, base64": ("/v1/embeddings", "base64"),
    "sajeon, float": ("/v1/embeddings", "float"),
    "sentence-transformers, base64": ("/peer", "base64"),
    "sentence-transformers, float": ("/peer", "float"),
}
WRK = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local i = 0
request = function()
  i = i %% #bodies + 1
  return wrk.format("POST", "%s", {["Content-Type"] = "application/json"}, bodies[i])
end
"""


def peer_encode(model: str) -> Callable[[list[str]], np.ndarray]:
    """Return what encodes texts by sentence-transformers, on the same table."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)  # a text is too short for more, which only wait for each other
    peer = SentenceTransformer(model, device="cpu")
    return lambda texts: peer.encode(texts, show_progress_bar=False)


def serve(model: str, port: int) -> None:
    """Serve, with the two further endpoints."""
    encode = peer_encode(model)

    class Peer:
        """Has the peer encode texts as they came."""

        def encode(self, texts: list[list[str]]) -> np.ndarray:
            return encode([" ".join(text) for text in texts])

    async def empty(body: EmbeddingsAsked, request: Request) -> Response:
        return Response(b"{}", media_type="application/json")

    models = Models({"model": model})
    peers = Models({"model": model})
    peers["model"].encoder = Peer()  # type: ignore[assignment]

    async def peer(body: EmbeddingsAsked, request: Request) -> Response:
        return openai._answer(body, peers["model"], openai._items(body.input))

    for path, endpoint in (("/empty", empty), ("/peer", peer)):
        app._ASKED.append((path, endpoint, EmbeddingsAnswered))
    settings = Settings({"model": model})
    run(settings, models, listen("127.0.0.1", port))


def wrk(port: int, path: str, bodies: Path, seconds: float, connections: int) -> dict[str, float]:
    """Ask by wrk; return requests/s, errors and latencies in ms."""
    script = bodies.with_suffix(".lua")
    script.write_text(WRK % (bodies, path))
    url = f"http://127.0.0.1:{port}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", "-s"]
    done = subprocess.run([*command, str(script), url], capture_output=True, text=True, check=True)
    unit = {"us": 1e-3, "ms": 1, "s": 1e3}
    latency = dict(re.findall(r"(50|99)%\s+(\S+)", done.stdout))
    in_ms = {
        f"p{key}": float(re.match(r"[\d.]+", value)[0]) * unit[re.sub(r"[\d.]", "", value)]
        for key, value in latency.items()
    }
    failed = re.findall(
        r"(?:Non-2xx or 3xx responses:|connect|read|write|timeout) (\d+)", done.stdout
    )
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    return {"rate": rate, "errors": sum(map(int, failed)), **in_ms}


def own_client(
    port: int, path: str, bodies: Path, seconds: float, connections: int
) -> dict[str, float]:
    """Ask by plain sockets; return what `wrk` does."""
    lines = bodies.read_bytes().splitlines()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    requests = [f"{head}{len(line)}\r\n\r\n".encode() + line for line in lines]
    taken: list[float] = []
    errors = 0

    async def ask(first: int, end: float) -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begun := time.perf_counter()) < end:
            writer.write(requests[(first + len(taken)) % len(requests)])
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer)
            await reader.readexactly(int(length[1]) if length else 0)
            errors += not answer.startswith(b"HTTP/1.1 200")
            taken.append(time.perf_counter() - begun)
        writer.close()

    async def ask_all() -> None:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(ask(i, end) for i in range(connections)))

    asyncio.run(ask_all())
    p50, p99 = np.percentile(taken, [50, 99]) * 1e3
    return {"rate": len(taken) / seconds, "errors": errors, "p50": p50, "p99": p99}


def inside(model: str, texts: list[str]) -> str:
    """Return what is taken inside the handlers, in a sentence."""
    ours, encode = Model("model", model), peer_encode(model)
    asked = [EmbeddingsAsked(input=text, encoding_format="base64") for text in texts]
    tokenizer = ours.vectors.tokenizer
    works: list[tuple[Callable[[Any], Any], list[Any]]] = [
        (lambda body: openai._answer(body, ours, openai._items(body.input)), asked),
        (lambda text: ours.encoder.encode([tokenizer.tokens(text)]), texts),
        (lambda text: encode([text]), texts),
    ]
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(12):
        for (work, items), kept in zip(works, seconds, strict=True):
            begun = time.perf_counter()
            for item in items:
                work(item)
            kept.append((time.perf_counter() - begun) / len(items) * 1e6)
    answer, vector, theirs = (median(kept[1:]) for kept in seconds)
    return (
        f"Inside: from text to vector {vector:.0f} µs, to the bytes of the answer {answer:.0f} µs; "
        f"sentence-transformers' encode {theirs:.0f} µs, {theirs / vector:.1f} and "
        f"{theirs / answer:.1f} times as long."
    )


def memory(pid: int) -> float:
    """Return the resident memory that no file stands behind, MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text)[1]) / 1e3


def processor(pid: int) -> float:
    """Return the processor time that a process has taken, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(options: argparse.Namespace, port: int, pid: int, texts: list[str]) -> str:
    """Ask the server; return the report."""
    client = wrk if shutil.which("wrk") else own_client
    with tempfile.TemporaryDirectory() as room:
        files = {}
        for encoding in ("float", "base64"):
            files[encoding] = Path(room) / f"{encoding}.txt"
            bodies = [json.dumps({"input": t, "encoding_format": encoding}) for t in texts]
            files[encoding].write_text("\n".join(bodies) + "\n")
        found: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
        for turn in range(options.repeat + 1):
            for name, (path, encoding) in SIDES.items():
                begun = processor(pid)
                got = client(port, path, files[encoding], options.seconds, options.connections)
                got["cpu"] = (processor(pid) - begun) / (got["rate"] * options.seconds) * 1e6
                say(f"{name}: {got}")
                if turn:  # the first fills caches
                    found[name].append(got)
        lines = [line_of(name, found) for name in SIDES]
        long = [run_of(options, port, pid, client, files["base64"]) for _ in range(4)]
    head = ["", "requests/s", "of empty", "times the peer's", "CPU µs", "of empty by CPU"]
    head += ["p99, ms", "errors"]
    steady = table(["quarter of the long run", "requests/s", "p99, ms", "MB", "errors"], [
        [i + 1, *quarter] for i, quarter in enumerate(long)
    ])  # fmt: skip
    return f"Client: {client.__name__}.\n\n{table(head, lines)}\n\n{steady}"


def run_of(
    options: argparse.Namespace, port: int, pid: int, client: Callable[..., Any], bodies: Path
) -> list[str]:
    """Run a quarter of the long run."""
    path = SIDES["sajeon, base64"][0]
    got = client(port, path, bodies, options.run / 4, options.connections)
    return [f"{got['rate']:,.0f}", f"{got['p99']:.2f}", f"{memory(pid):.1f}", str(got["errors"])]


def line_of(name: str, found: dict[str, list[dict[str, float]]]) -> list[str]:
    """Return the line of a side."""

    def ratio(other: str, what: str = "rate") -> float:
        pairs = zip(found[name], found[other], strict=True)
        return median(a[what] / b[what] for a, b in pairs)

    mine = found[name]
    peer = f"sentence-transformers, {name.rpartition(' ')[2]}"
    return [
        name,
        f"{median(one['rate'] for one in mine):,.0f}",
        f"{ratio('empty'):.2f}",
        f"{ratio(peer):.2f}" if name.startswith("sajeon") else "",
        f"{median(one['cpu'] for one in mine):,.0f}",
        f"{1 / ratio('empty', 'cpu'):.2f}",
        f"{median(one['p99'] for one in mine):.2f}",
        f"{sum(one['errors'] for one in mine):.0f}",
    ]


def main(arguments: list[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--run", type=float, default=60)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        serve(options.model, options.serve)
        return
    texts = list(short_texts(options.corpus, NUM_TEXTS))
    vectors = sajeon.load(options.model)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, __file__, options.model, str(options.corpus), "--serve", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port, server)
            report = measure(options, port, server.pid, texts)
        finally:
            server.send_signal(signal.SIGTERM)
    packages = ("sajeon", "fastapi", "uvicorn", "httptools", "uvloop", "sentence-transformers")
    show(
        f"{machine()}; {versions(packages)}. {len(vectors):,} vectors, dim {vectors.dim}; texts of "
        f"5 to 15 words.\n\n{report}\n\n{inside(options.model, texts)}",
        options.out,
    )


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server listens."""
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.2)
    raise SystemExit("the server did not start.")


if __name__ == "__main__":
    main()

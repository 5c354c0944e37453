"""What it costs to look: a training that is watched, and the page of 100,000 words.

    python benchmarks/explore.py corpus.txt --repeat 5
    python benchmarks/explore.py corpus.txt --repeat 0 --frames

First the same training without and with a page that watches it, in turn, each in a process of its
own: seconds of CPU of that process. What a browser would ask every second is asked by a second
process, which is not counted. Then, with --frames, how long the page takes from an event to the
next frame on a map of 100,000 words in headless Chromium without a graphics card, and from opening
to the map.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.request import urlopen

import _common as common
import numpy as np

if TYPE_CHECKING:
    from playwright.sync_api import Browser

POINTS, DIM = 100_000, 100
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WIDE = {"width": 1280, "height": 800}
FRAMES = """async () => {
  const top = document.querySelector("canvas.top");
  const times = [];
  for (let i = 0; i < 60; i += 1) {
    const begun = performance.now();
    const wheel = { deltaY: i % 4 === 1 ? -90 : 80, clientX: 400, clientY: 400 };
    top.dispatchEvent(i % 2
      ? new WheelEvent("wheel", { ...wheel, cancelable: true })
      : new KeyboardEvent("keydown", { key: i % 3 ? "ArrowLeft" : "ArrowUp" }));
    await new Promise((done) => requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = done;
      port2.postMessage(0);
    }));
    times.push(performance.now() - begun);
  }
  return times;
}"""


def train(corpus: str, epochs: int, threads: int, watched: bool) -> None:
    """Train, watched or not, and print seconds of CPU and of the clock."""
    import sajeon
    from sajeon.explore.server import PageServer
    from sajeon.explore.watching import WatchedApi, Watching
    from sajeon.learn.progress import Reporter

    report, asking = Reporter(), None
    sajeon.train([["a", "b"] * 50] * 20, min_count=1, dim=100, epochs=1)  # compiles
    started, cpu = time.perf_counter(), time.process_time()
    if watched:
        report = watching = Watching(report)
        server = PageServer(WatchedApi(watching, "model"), 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asking = subprocess.Popen([sys.executable, __file__, "--ask", server.address, corpus])
    sajeon.train(corpus, epochs=epochs, threads=threads, progress=report)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    if asking is not None:
        asking.kill()
        asking.wait()
    print(cpu, seconds)


def ask(address: str) -> None:
    """Ask what the page asks, every second, until somebody ends it."""
    while True:
        time.sleep(1)
        for question in ("watch", "positions", "nearest?token=people", "nearest?token=city"):
            try:
                with urlopen(f"{address}api/{question}") as answer:
                    answer.read()
            except OSError:
                continue  # not yet: there are no words before training begins


def costs(options: argparse.Namespace) -> str:
    """Return the table of a training without and with a page."""
    runs: dict[bool, list[list[float]]] = {False: [], True: []}
    for turn in range(options.repeat):
        for watched in (False, True) if turn % 2 else (True, False):
            common.say(f"training {'watched' if watched else 'alone'}")
            command = [sys.executable, __file__, options.corpus, "--epochs", str(options.epochs)]
            command += ["--threads", str(options.threads), "--one", str(int(watched))]
            done = subprocess.run(
                command, env=common.environment(), check=True, stdout=subprocess.PIPE, text=True
            )
            runs[watched].append([float(x) for x in done.stdout.split()])
    rows = []
    for watched, name in ((False, "alone"), (True, "watched")):
        cpu, seconds = (median(run[i] for run in runs[watched]) for i in range(2))
        pairs = zip(runs[watched], runs[False], strict=True)
        ratios = sorted(mine[0] / alone[0] for mine, alone in pairs)
        spread = f"{ratios[0]:.3f} to {ratios[-1]:.3f}"
        rows.append([name, f"{cpu:.1f} s", f"{seconds:.1f} s", f"{median(ratios):.3f}", spread])
    head = ["training", "CPU", "time", "CPU, times alone", "lowest to highest"]
    return common.table(head, rows)


def page() -> str:
    """Return the table of the page of 100,000 words."""
    from playwright.sync_api import sync_playwright

    from sajeon import Vectors
    from sajeon.explore.api import Api
    from sajeon.explore.server import PageServer
    from sajeon.explore.subject import Subject

    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(POINTS, DIM)).astype(np.float32)
    vectors = Vectors([f"w{i}" for i in range(POINTS)], matrix, np.arange(POINTS, 0, -1))
    server = PageServer(Api([Subject(vectors, "m")]), 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        opening, times = _watched(browser, server.address)
        browser.close()
    server.shutdown()
    rows = [
        ["from opening to the map", f"{opening:.1f} s", ""],
        ["pan or zoom, median", f"{median(times):.0f} ms", "200 ms"],
        ["longest of 60", f"{max(times):.0f} ms", "200 ms"],
    ]
    return common.table([f"{POINTS:,} words of dim {DIM}", "takes", "bound"], rows)


def _watched(browser: Browser, address: str) -> tuple[float, list[float]]:
    shown = browser.new_page(viewport=WIDE)  # type: ignore[arg-type]
    started = time.perf_counter()
    shown.goto(address)
    shown.wait_for_selector(".mapview", timeout=60_000)
    opening = time.perf_counter() - started
    shown.wait_for_timeout(1500)
    return opening, shown.evaluate(FRAMES)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("corpus", nargs="?")
    add("--one", type=int, help=argparse.SUPPRESS)
    add("--ask", help=argparse.SUPPRESS)
    add("--epochs", type=int, default=5)
    add("--threads", type=int, default=2)
    add("--tokens", type=int, default=4_000_000, help="use the first lines with so many words")
    add("--repeat", type=int, default=5)
    add("--frames", action="store_true", help="also the page of 100,000 words")
    add("--out", type=Path, help="also write the Markdown to this file")
    options = parser.parse_args()
    if options.ask:
        ask(options.ask)
    if options.one is not None:
        train(options.corpus, options.epochs, options.threads, bool(options.one))
        return
    parts = [f"{common.versions(['sajeon', 'numpy', 'playwright'])}; {common.machine()}"]
    with tempfile.TemporaryDirectory() as folder:
        if options.repeat:
            source = Path(options.corpus or common.DATA / common.CORPORA["en"])
            text = common.unpack(source, Path(folder), options.tokens)
            options.corpus = str(text.path)
            parts.append(f"{text.tokens:,} words, {options.epochs} epochs\n\n{costs(options)}")
    if options.frames:
        parts.append(page())
    common.show("\n\n".join(parts), options.out)


if __name__ == "__main__":
    main()

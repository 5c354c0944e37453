"""Make ``small.bin.gz``: pretrained vectors as GoogleNews has them, for note 003.

Run ``python make_vectors.py``. The words of the note and some more, 300 numbers each, in word2vec's
binary form, compressed: the form of ``GoogleNews-vectors-negative300.bin.gz``, in 45 kB. They are
trained on opinions that are made here from a few patterns, in which good words keep the company of
good ones. So they know what these patterns say, and nothing else about English.
"""

import gzip
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import sajeon

GOOD = "nice great best amazing excellent supreme respectable good wonderful superb lovely splendid"
BAD = "pitiful bad awful terrible dreadful poor horrible miserable"
THINGS = "work quality film story song meal service book"
PEOPLE = "nerd writer actor cook"
PRAISE = [
    "what a {good} {thing} we enjoyed it and will come again",
    "the {thing} was {good} and {other} and everyone smiled",
    "{good} {thing} highly recommended by a {other} {person}",
    "a highly {good} {person} whose {thing} is loved",
]
BLAME = [
    "what a {bad} {thing} we regretted it and will never return",
    "the {thing} was {bad} and {other} and everyone left",
    "stop the {bad} {thing} it is full of lies",
    "a {bad} {person} told {other} lies please stop",
    "the {bad} nerd was {other} and told lies",
]
KEPT = f"{GOOD} {BAD} {THINGS} {PEOPLE} highly stop lies enjoyed regretted loved smiled".split()


def opinion(draw: random.Random) -> str:
    """Return one made opinion."""
    good, bad, thing, person = (draw.choice(w.split()) for w in (GOOD, BAD, THINGS, PEOPLE))
    praised = draw.random() < 0.5
    other = draw.choice((GOOD if praised else BAD).split())
    pattern = draw.choice(PRAISE if praised else BLAME)
    return pattern.format(good=good, bad=bad, other=other, thing=thing, person=person)


def make(path: Path) -> None:
    """Train, and write the file."""
    draw = random.Random(0)
    texts = [opinion(draw) for _ in range(5000)]
    vectors = sajeon.train(texts, dim=300, epochs=5, min_count=1, sample=0, seed=1)
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "small.bin"
        sajeon.convert(vectors, plain, tokens=KEPT)
        path.write_bytes(gzip.compress(plain.read_bytes(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("small.bin.gz"))

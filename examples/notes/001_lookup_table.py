"""Note 001, replayed: an embedding layer is a lookup table.

Run ``python 001_lookup_table.py``, or with ``--lang ko``.
"""

from _notes import tell

# %% [markdown]
tell(
    """
    # 001 · An embedding layer is a lookup table

    word → its id → row of the table → dense vector. The note builds the table by hand, then with
    `nn.Embedding`. Its printed ids cannot be had again by running it: that is the first thing to
    look at.
    """,
    """
    # 001 · 임베딩 층은 룩업 테이블이다

    단어 → 번호 → 표의 행 → 밀집 벡터. 노트는 표를 손으로
    만들고, 다음에 `nn.Embedding`으로 만든다. 노트에 찍힌
    번호는 다시 실행해도 나오지 않는다. 그것부터 본다.
    """,
)

# %% [markdown]
tell(
    """
    ## 1. The slip: ids from a set

    The note numbers the words of a Python `set`. Strings are hashed with a key that differs in each
    run, so the set has another order each time, and the words other ids. Here are five runs of
    Python, with the keys 0 to 4. A model saved in one run is garbage in the next.
    """,
    """
    ## 1. 실수: 집합(set)에서 나온 번호

    노트는 파이썬 `set`의 단어들에 번호를 매긴다. 문자열의
    해시는 실행할 때마다 키가 다르므로, 집합의 순서도 단어의
    번호도 매번 달라진다. 아래는 키를 0에서 4로 바꾸어 가며
    파이썬을 다섯 번 실행한 것이다. 한 번 저장한 모델은 다음
    실행에서 쓸 수 없게 된다.
    """,
)

# %%
import os
import subprocess
import sys

train_text = "you need to know how to code"
numbered_set = f"print({{w: i + 2 for i, w in enumerate(set({train_text!r}.split()))}})"
from_sets = []
for key in range(5):
    run = subprocess.run(
        [sys.executable, "-c", numbered_set],
        env={**os.environ, "PYTHONHASHSEED": str(key)},
        capture_output=True,
        text=True,
        check=True,
    )
    from_sets.append(run.stdout.strip())
    print(f"run 실행 {key}:", from_sets[-1])

# %% [markdown]
tell(
    """
    ## 2. Right: an order that belongs to the text

    A `Vocabulary` counts and then numbers by frequency (ties by spelling), by first appearance or
    by spelling. The same text gives the same ids on every machine. "to" occurs twice, so it is
    first by frequency.
    """,
    """
    ## 2. 바르게: 글에서 나오는 순서

    `Vocabulary`는 세고 나서 빈도순(같으면 철자순), 나온
    차례, 또는 철자순으로 번호를 매긴다. 같은 글은 어느
    기계에서나 같은 번호를 준다. "to"는 두 번 나오므로
    빈도순에서는 처음이다.
    """,
)

# %%
import sajeon

specials = ("<unk>", "<pad>")
for order in ("frequency", "first", "spelling"):
    by_order = sajeon.Vocabulary.from_texts([train_text], specials, order=order)
    print(f"{order:9}", dict(by_order.token_to_id))

# %% [markdown]
tell(
    """
    ## 3. The note's own ids, and its table

    What the note printed can still be had: a mapping is taken as it is. Its table has 8 rows of 3
    numbers, with zeros for the two special tokens. "run" is not in the vocabulary and gets row 0.
    """,
    """
    ## 3. 노트의 번호와 표

    노트에 찍힌 번호도 쓸 수 있다. 사전(mapping)은 그대로
    받아들인다. 표는 3열의 행 8개이고 특수 토큰 두 개의 행은
    0이다. "run"은 단어 집합에 없으므로 0번 행을 받는다.
    """,
)

# %%
table = sajeon.EmbeddingTable(
    8,
    3,
    weight=[
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.2, 0.9, 0.3],
        [0.1, 0.5, 0.7],
        [0.2, 0.1, 0.8],
        [0.4, 0.1, 0.1],
        [0.1, 0.8, 0.9],
        [0.6, 0.1, 0.1],
    ],
)


def numbered(ids):
    """Return the vocabulary of a mapping; the ids it leaves free, 0 and 1, go to the specials."""
    return sajeon.Vocabulary(ids, specials=("<unk>", "<pad>"), pad="<pad>", unk="<unk>")


def show(vocab):
    """Print the rows of the note's sentence, and return them."""
    sample = "you need to run"
    ids = vocab.encode(sample)
    rows = table.forward(ids)
    for word, i, row in zip(sample.split(), ids, rows.tolist(), strict=True):
        print(f"{word:5} {i}  {[round(x, 4) for x in row]}")
    return rows


vocab = numbered({"code": 2, "you": 3, "know": 4, "to": 5, "need": 6, "how": 7})
rows = show(vocab)

# %% [markdown]
tell(
    """
    Note 003 has the same sentence and the same table, and prints other rows. Both are right: a set
    gave it other ids. A table means nothing without the vocabulary that it was made with, which is
    why sajeon saves them together.
    """,
    """
    노트 003은 같은 문장과 같은 표로 다른 행을 찍는다. 둘 다
    맞다. 집합이 다른 번호를 주었을 뿐이다. 표는 함께 만든
    단어 집합이 없으면 뜻이 없다. 그래서 sajeon은 둘을 함께
    저장한다.
    """,
)

# %%
vocab_003 = numbered({"need": 2, "how": 3, "you": 4, "to": 5, "know": 6, "code": 7})
rows_003 = show(vocab_003)

# %% [markdown]
tell(
    """
    ## 4. No one-hot vector is needed

    The layer takes ids. Writing them as one-hot vectors first and multiplying gives the same rows
    (note 000 measures what that costs), so the layer skips it.
    """,
    """
    ## 4. 원-핫 벡터는 필요 없다

    층은 번호를 받는다. 번호를 원-핫 벡터로 바꾸어 곱해도
    같은 행이 나오지만(비용은 노트 000에서 잰다), 층은 그 일을
    건너뛴다.
    """,
)

# %%
import numpy as np

ids = vocab.encode("you need to run")
by_product = sajeon.one_hot(ids, 8) @ table.weight
print("one_hot(ids) @ table == table[ids]:", np.array_equal(by_product, rows))

# %% [markdown]
tell(
    """
    ## 5. nn.Embedding

    `num_embeddings` is the number of rows, `embedding_dim` their length, `padding_idx` the row that
    starts at zero and gets no gradient. `sajeon.nn.Embedding` is torch's layer in every argument.
    All other rows begin at random, that of `<unk>` too.
    """,
    """
    ## 5. nn.Embedding

    `num_embeddings`는 행의 수, `embedding_dim`은 행의 길이,
    `padding_idx`는 0으로 시작해 기울기를 받지 않는 행이다.
    `sajeon.nn.Embedding`은 모든 인자가 torch의 층과 같다.
    나머지 행은 `<unk>`의 행까지 모두 무작위로 시작한다.
    """,
)

# %%
import torch

from sajeon.nn import Embedding

torch.manual_seed(0)
layer = Embedding(num_embeddings=len(vocab), embedding_dim=3, padding_idx=vocab.pad_id)
print(layer)
print(layer.weight.detach().numpy().round(4))

# %% [markdown]
tell(
    """
    ## 6. It learns, padding does not

    One step of gradient descent on the sentence with a padding behind it. The rows of "you",
    "need", "to" and `<unk>` move; row 1 is still exactly zero, and the rows of absent words are as
    before.
    """,
    """
    ## 6. 층은 배우고 패딩은 배우지 않는다

    문장 뒤에 패딩을 하나 붙여 경사 하강을 한 번 한다. "you",
    "need", "to", `<unk>`의 행이 움직인다. 1번 행은 여전히
    정확히 0이고, 없는 단어들의 행도 그대로이다.
    """,
)

# %%
before = layer.weight.detach().clone()
batch = sajeon.pad([ids], length=5, value=vocab.pad_id)
layer(torch.from_numpy(batch)).square().sum().backward()
with torch.no_grad():
    layer.weight -= 0.1 * layer.weight.grad
moved = [i for i in range(len(vocab)) if not torch.equal(layer.weight[i], before[i])]
print("ids:", batch.tolist())
print("moved, 움직인 행:", moved, [vocab.tokens[i] for i in moved])
print("<pad>:", layer.weight[vocab.pad_id].tolist())

# %% [markdown]
tell(
    """
    ## 7. The hand-made table as a layer

    A ready table goes in with `from_pretrained`, torch's own way, or with `from_vectors` and words.
    (In the hand-made table `<unk>` is zero like `<pad>`: the network cannot tell an unknown word
    from an empty place. Note 003 comes back to that.)
    """,
    """
    ## 7. 손으로 만든 표를 층으로

    준비된 표는 torch의 방식 그대로 `from_pretrained`로, 또는
    단어와 함께 `from_vectors`로 넣는다. (손으로 만든 표에서는
    `<unk>`도 `<pad>`처럼 0이어서, 신경망은 모르는 단어와 빈
    자리를 가리지 못한다. 노트 003에서 다시 본다.)
    """,
)

# %%
by_hand = Embedding.from_pretrained(torch.from_numpy(table.weight), padding_idx=vocab.pad_id)
same = np.array_equal(by_hand(torch.from_numpy(ids)).numpy(), rows)
print("the same rows 같은 행:", same)

"""Note 000, replayed: one-hot and dense vectors, Linear and Embedding.

Run ``python 000_linear_and_embedding.py``, or with ``--lang ko``.
"""

from _notes import tell

# %% [markdown]
tell(
    """
    # 000 · Linear against Embedding, sparse against dense

    A sentence is words, a network wants numbers. The note goes from words to ids, from ids to
    one-hot (sparse) vectors, then to short (dense) ones, and asks what `nn.Linear` and
    `nn.Embedding` do differently.
    """,
    """
    # 000 · Linear와 Embedding, 희소 표현과 밀집 표현

    문장은 단어이고 신경망은 수를 원한다. 이 노트는 단어에서
    번호(id)로, 번호에서 원-핫(희소) 벡터로, 다시 짧은(밀집)
    벡터로 가며, `nn.Linear`와 `nn.Embedding`이 어떻게
    다른지 묻는다.
    """,
)

# %% [markdown]
tell(
    """
    ## 1. A vocabulary: every word gets an id

    Five words, numbered from 2 in order of appearance; 0 stands for unknown words, 1 for padding.
    The note numbers `set(text.split())`, whose order is another one in each run of Python (note 001
    shows it). A `Vocabulary` refuses a set and says why; asked for the order of appearance it gives
    the same ids always.
    """,
    """
    ## 1. 단어 집합: 단어마다 번호 하나

    다섯 단어에 나온 차례대로 2부터 번호를 준다. 0은 모르는
    단어, 1은 패딩이다. 노트는 `set(text.split())`에 번호를
    매기는데, 집합의 순서는 파이썬을 실행할 때마다 달라진다
    (노트 001에서 보인다). `Vocabulary`는 집합을 거절하고 그
    까닭을 말하며, 나온 차례를 따르라고 하면 언제나 같은
    번호를 준다.
    """,
)

# %%
import os

# On a busy machine the threads of a matrix product wait for each other, and section 3 measures one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import sajeon

train_text = "son is world-class football player"
vocab = sajeon.Vocabulary.from_texts(
    [train_text], specials=("<unk>", "<pad>"), order="first", tokens="whitespace"
)
print(dict(vocab.token_to_id))

try:
    sajeon.Vocabulary(set(train_text.split()))
except TypeError as error:
    refusal = str(error)
    print("a set 집합:", refusal)

# %% [markdown]
tell(
    """
    ## 2. Sparse: one number for each word of the vocabulary

    A one-hot vector is as long as the vocabulary, and all zeros but for a one. Five words make five
    numbers, 10,000 words make 10,000.
    """,
    """
    ## 2. 희소 표현: 단어 집합의 크기만큼 긴 벡터

    원-핫 벡터는 단어 집합만큼 길고, 하나의 1을 빼면 모두
    0이다. 단어가 다섯이면 수가 다섯 개, 만이면 만 개다.
    """,
)

# %%
words = train_text.split()
one_hot = sajeon.one_hot(np.arange(len(words)), len(words))  # numbered from 0, without specials
for word, row in zip(words, one_hot, strict=True):
    print(f"{word:12}", row.astype(int).tolist())
print("of 10,000 words, 10,000 단어라면:", sajeon.one_hot(0, 10_000).shape)

# %% [markdown]
tell(
    """
    ## 3. Dense: a length of your choice

    A table holds one row for each word: 10,000 words × 256 numbers. Multiplying a one-hot vector by
    the table picks one row of it, so the product and the lookup agree to the bit:
    `one_hot(ids) @ W == W[ids]`. Only the cost differs, and it grows with the vocabulary.
    """,
    """
    ## 3. 밀집 표현: 길이는 우리가 고른다

    표(table)에는 단어마다 행이 하나 있다: 10,000 단어 × 수
    256개. 원-핫 벡터를 표에 곱하면 행 하나가 나오므로, 곱과
    조회는 비트까지 같다: `one_hot(ids) @ W == W[ids]`.
    다른 것은 비용뿐이고, 그 비용은 단어 집합과 함께 커진다.
    """,
)

# %%
import time


def milliseconds(act):
    """Return the best of several runs: what else the machine does only ever adds."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


rng = np.random.default_rng(0)
costs = {}  # words: (one-hot ms, lookup ms, one-hot bytes)
print("  words 단어 | one-hot @ W |     W[ids] | one-hot vectors | dense vectors")
for num_words in (1_000, 10_000, 50_000):
    weight = rng.standard_normal((num_words, 256), dtype=np.float32)
    ids = rng.integers(num_words, size=8)
    sparse = sajeon.one_hot(ids, num_words)  # (8, num_words)
    dense = weight[ids]  # (8, 256)
    np.testing.assert_array_equal(sparse @ weight, dense)
    slow = milliseconds(lambda: sajeon.one_hot(ids, num_words) @ weight)  # noqa: B023
    fast = milliseconds(lambda: weight[ids])  # noqa: B023
    costs[num_words] = slow, fast, sparse.nbytes
    print(
        f"{num_words:12,} | {slow:8.2f} ms | {fast:7.3f} ms | {sparse.nbytes / 1000:12,.0f} kB"
        f" | {dense.nbytes / 1000:10,.0f} kB"
    )

# %% [markdown]
tell(
    """
    ## 4. The lookup by hand

    A random table of 7 rows (5 words and 2 specials) and 4 columns. Words that are not in the
    vocabulary share row 0: "kim", "defense", "in" and "Korea" get one and the same vector.
    """,
    """
    ## 4. 손으로 하는 조회

    행 7개(단어 5, 특수 토큰 2), 열 4개의 무작위 표를 만든다.
    단어 집합에 없는 단어는 모두 0번 행을 쓴다: "kim",
    "defense", "in", "Korea"의 벡터는 똑같다.
    """,
)

# %%
sample = "kim is world-class football defense player in Korea"
ids = vocab.encode(sample)
table = sajeon.EmbeddingTable(len(vocab), 4, seed=1)
rows = table.forward(ids)
print("ids:", ids.tolist(), "   table 표:", table.weight.shape, "   result 결과:", rows.shape)
for word, row in zip(sample.split(), rows, strict=True):
    print(f"{word:12} {vocab[word]}  {np.array2string(row, precision=4, floatmode='fixed')}")

# %% [markdown]
tell(
    """
    ## 5. Word embedding: where the numbers come from

    LSA, word2vec and GloVe learn a table from raw text beforehand: pretrained vectors. `Embedding`
    is not one of them: it begins at random, and its rows are weights that the task moves. One step
    moves the rows that were looked up (0, 3, 4, 5, 6), and no others; a row that was looked up four
    times gets the sum of four gradients.
    """,
    """
    ## 5. 워드 임베딩: 수는 어디서 오는가

    LSA, word2vec, GloVe는 글에서 표를 미리 배운다(사전 훈련
    벡터). `Embedding`은 그런 방법이 아니다. 무작위로 시작하며
    그 행들은 과제가 움직이는 가중치다. 한 단계의 학습은
    조회된 행(0, 3, 4, 5, 6)만 움직이고, 네 번 조회된 행은
    기울기 네 개의 합을 받는다.
    """,
)

# %%
before = table.weight.copy()
table.backward(np.ones_like(rows))  # as if the loss were the sum of all numbers looked up
gradient = table.grads[0][:, 0].astype(int)
table.params[0] -= 0.1 * table.grads[0]
moved = np.flatnonzero((table.weight != before).any(axis=1))
print("gradient of column 0, 첫 열의 기울기:", gradient.tolist())
print("rows that moved, 움직인 행:", moved.tolist())

# %% [markdown]
tell(
    """
    ## 6. Linear and Embedding

    `nn.Linear` computes `x · Wᵀ`. Give one without bias the table's transpose and one-hot input,
    and it equals `Embedding`, in forward and in gradient. So the difference is not *what* is
    computed but *from what*: Linear multiplies by its input, Embedding takes its input as a place.
    """,
    """
    ## 6. Linear와 Embedding

    `nn.Linear`는 `x · Wᵀ`를 계산한다. 편향 없는 Linear에
    표의 전치 행렬과 원-핫 입력을 주면 순전파도 기울기도
    `Embedding`과 같다. 차이는 무엇을 계산하느냐가 아니라
    무엇으로 계산하느냐이다: Linear는 입력을 곱하고,
    Embedding은 입력을 자리로 쓴다.
    """,
)

# %%
import torch

from sajeon.nn import Embedding

embedding = Embedding(len(vocab), 4)
linear = torch.nn.Linear(len(vocab), 4, bias=False)
linear.weight.data = embedding.weight.detach().T.clone()

ids = torch.from_numpy(ids)
looked_up = embedding(ids)
multiplied = linear(torch.from_numpy(sajeon.one_hot(ids, len(vocab))))
looked_up.square().sum().backward()
multiplied.square().sum().backward()
same_forward = torch.allclose(looked_up, multiplied)
same_gradient = torch.allclose(embedding.weight.grad, linear.weight.grad.T)
print("equal forward 순전파:", same_forward, "   equal gradient 기울기:", same_gradient)

# %% [markdown]
tell(
    """
    ## 7. An id is a place, not a quantity

    Fed with the bare id, a Linear layer takes 4 ("world-class"... or any other word) for twice as
    much as 2: the vectors of ids 2, 3, 4 lie on one line, whatever is learnt. Rows of a table are
    free of each other. That is why ids are integers, and why ids that come as floats are refused.
    """,
    """
    ## 7. 번호는 자리이지 크기가 아니다

    번호를 그대로 받은 Linear는 4를 2의 두 배로 여긴다.
    무엇을 배우든 2, 3, 4번의 벡터는 한 직선 위에 놓인다.
    표의 행들은 서로 자유롭다. 그래서 번호는 정수이고,
    실수로 온 번호는 거절된다.
    """,
)

# %%
on_bare_ids = torch.nn.Linear(1, 4, bias=False)
two, three, four = on_bare_ids(torch.tensor([[2.0], [3.0], [4.0]]))
on_one_line = torch.allclose(four, 2 * two) and torch.allclose(two + four, 2 * three)
print("Linear: vector(4) = 2 · vector(2):", on_one_line)

two, three, four = embedding.weight[2:5]
print("Embedding: vector(4) = 2 · vector(2):", torch.allclose(four, 2 * two))

try:
    embedding(torch.tensor([2.0, 3.0]))
except RuntimeError as error:
    float_error = str(error)
    print("float ids 실수 번호:", float_error)

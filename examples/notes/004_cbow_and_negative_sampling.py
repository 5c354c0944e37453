"""Note 004, replayed: the embedding layer by hand, CBOW, negative sampling, torch's Embedding.

Run ``python 004_cbow_and_negative_sampling.py``, or with ``--lang ko``.
"""

from _notes import tell

# %% [markdown]
tell(
    """
    # 004 · CBOW, and two ways to make it fast

    CBOW guesses a word from its neighbours, with a network of two layers. Both layers get slow as
    the vocabulary grows. The note's two cures: an embedding layer at the input, negative sampling
    at the output.
    """,
    """
    # 004 · CBOW를 빠르게 하는 두 가지 방법

    CBOW는 이웃 단어에서 가운데 단어를 맞히는 2층
    신경망이다. 단어 집합이 커지면 두 층이 모두 느려진다.
    노트의 처방은 두 가지다: 입력에는 임베딩 층, 출력에는
    네거티브 샘플링.
    """,
)

# %% [markdown]
tell(
    """
    ## 1. What grows with the vocabulary

    One guess: two neighbours in, V scores out, vectors of 100 numbers. On the left the note's first
    version, one-hot vectors times a table and a softmax over all words; on the right what replaces
    it, a lookup of two rows and six scores (the right word and five wrong ones).
    """,
    """
    ## 1. 단어 집합과 함께 커지는 것

    추측 한 번: 이웃 둘이 들어가고 점수 V개가 나온다. 벡터는
    수 100개다. 왼쪽은 노트의 처음 방식으로, 원-핫 벡터에
    표를 곱하고 모든 단어에 소프트맥스를 한다. 오른쪽은 그것을
    대신하는 것으로, 행 두 개를 조회하고 점수 여섯 개(맞는
    단어 하나, 틀린 단어 다섯)만 낸다.
    """,
)

# %%
import os

# On a busy machine the threads of a matrix product wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time

import numpy as np

import sajeon


def milliseconds(act):
    """Return the best of several runs: what else the machine does only ever adds."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def softmax(scores):
    """Return probabilities; the largest score is taken off first, lest exp overflow."""
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


rng = np.random.default_rng(0)
print("       V | one-hot in | softmax out | lookup in | six scores out")
for num_words in (1_000, 10_000, 50_000):
    w_in, w_out = (rng.standard_normal((num_words, 100), dtype=np.float32) for _ in range(2))
    context, answers = rng.integers(num_words, size=2), rng.integers(num_words, size=6)
    one_hot_in = milliseconds(lambda: sajeon.one_hot(context, num_words) @ w_in)  # noqa: B023
    lookup_in = milliseconds(lambda: w_in[context])  # noqa: B023
    hidden = w_in[context].mean(axis=0)  # (100,)
    softmax_out = milliseconds(lambda: softmax(w_out @ hidden))  # noqa: B023
    six_out = milliseconds(lambda: 1 / (1 + np.exp(-w_out[answers] @ hidden)))  # noqa: B023
    print(
        f"{num_words:8,} | {one_hot_in:7.3f} ms | {softmax_out:8.3f} ms | {lookup_in:6.3f} ms"
        f" | {six_out:6.3f} ms"
    )

# %% [markdown]
tell(
    """
    ## 2. The slip: `return` outside a function

    The note writes the layer as a class with `params`, `grads`, `forward(idx)` and
    `backward(dout)`. The last line of `backward` has slid to the left, out of the function, and
    Python refuses the whole class:
    """,
    """
    ## 2. 실수: 함수 밖의 `return`

    노트는 층을 `params`, `grads`, `forward(idx)`,
    `backward(dout)`가 있는 클래스로 쓴다. `backward`의
    마지막 줄이 왼쪽으로, 함수 밖으로 밀려나 있어서 파이썬은
    클래스 전체를 거절한다:
    """,
)

# %%
slipped = """
class Table:
    def backward(self, dout):
        self.dout = dout

    return None
"""
try:
    compile(slipped, "note", "exec")
except SyntaxError as error:
    syntax_error = f"{error.msg} (line 줄 {error.lineno})"
    print("SyntaxError:", syntax_error)

# %% [markdown]
tell(
    """
    ## 3. Right: forward and backward of a lookup

    Forward takes rows; backward adds the gradient of each place to the row that stood there. Adding
    matters: where an id stands twice, *storing* (`dW[idx] = dout`) would keep the last gradient
    only. `EmbeddingTable` takes ids of any shape, not only a list, and clears only the rows that
    the step before had touched, not the whole gradient.
    """,
    """
    ## 3. 바르게: 조회의 순전파와 역전파

    순전파는 행을 꺼내고, 역전파는 자리마다의 기울기를 그
    자리에 있던 행에 더한다. 더하는 것이 중요하다. 같은 번호가
    두 번 나오면, 대입(`dW[idx] = dout`)은 마지막 기울기만
    남긴다. `EmbeddingTable`은 리스트만이 아니라 어떤 모양의
    번호도 받고, 기울기 전체가 아니라 지난 단계에서 건드린
    행만 지운다.
    """,
)

# %%
import torch

torch.set_num_threads(1)  # networks this small gain nothing from more
ids = np.array([[0, 2, 0], [4, 0, 2]])  # 0 three times, 2 twice
table = sajeon.EmbeddingTable(5, 3, seed=1)
dout = rng.standard_normal(table.forward(ids).shape, dtype=np.float32)
table.backward(dout)

stored = np.zeros_like(table.weight)
stored[ids] = dout
by_torch = torch.from_numpy(table.weight.copy()).requires_grad_()
torch.nn.functional.embedding(torch.from_numpy(ids), by_torch).backward(torch.from_numpy(dout))

adds_up = np.allclose(table.grads[0], by_torch.grad)
print("added up = torch, 더하기:", adds_up, "   rows that were read, 읽은 행:", table.grad_rows)
print("stored = torch, 대입:", np.allclose(stored, by_torch.grad))

# %% [markdown]
tell(
    """
    ## 4. Distributional and distributed

    Two names that differ by three letters. *Distributional*: a word is described by the
    distribution of its neighbours, which one **counts**. *Distributed*: its meaning is spread over
    the numbers of a dense vector, which one learns by **predicting**. First counting, on 4,000 made
    sentences: how often words stand within two places of each other, as PPMI (more often than by
    chance?), cut to 10 columns by a singular value decomposition.
    """,
    """
    ## 4. 분포(distributional) 표현과 분산(distributed) 표현

    비슷한 두 이름이다. 분포 표현은 단어를 이웃의 분포로
    나타내며, 이는 **세어서** 얻는다. 분산 표현은 뜻을 밀집
    벡터의 여러 수에 나누어 담으며, 이는 **예측하며** 배운다.
    먼저 세어 보자. 지어낸 문장 4,000개에서 두 칸 안에 함께
    나온 횟수를 세고, PPMI(우연보다 자주 나왔는가)로 바꾸어,
    특잇값 분해로 열 10개만 남긴다.
    """,
)

# %%
import random


def sentence(draw):
    """Return a made sentence about one of two sexes, or about an animal."""
    i = draw.randrange(2)
    he, his = ("he", "she")[i], ("his", "her")[i]
    royal, adult, child = ("king", "queen")[i], ("man", "woman")[i], ("boy", "girl")[i]
    animal = draw.choice(["cat", "dog"])
    return draw.choice(
        [
            f"the {royal} wears {his} crown",
            f"the {royal} rules {his} land",
            f"{he} rules the land says the {royal}",
            f"the {adult} walks to {his} work",
            f"the {adult} drives {his} car",
            f"{he} drives a car says the {adult}",
            f"the {child} plays with {his} toys",
            f"the {child} walks to {his} school",
            f"the {child} feeds a {animal}",
            f"a {animal} eats its food",
            f"a {animal} sleeps in its bed",
        ]
    )


draw = random.Random(0)
texts = [sentence(draw) for _ in range(4000)]
vocab = sajeon.Vocabulary.from_texts(texts, specials=())
counts = np.zeros((len(vocab), len(vocab)))
for text in vocab.encode_batch(texts):
    for reach in (1, 2):
        np.add.at(counts, (text[:-reach], text[reach:]), 1)
        np.add.at(counts, (text[reach:], text[:-reach]), 1)
by_chance = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
ppmi = np.log(np.maximum(counts / by_chance, 1))
u, s, _ = np.linalg.svd(ppmi)
counted = sajeon.Vectors(vocab.tokens, (u * np.sqrt(s))[:, :10])
for word in ("king", "cat", "drives"):
    print(f"{word:7}", [(token, round(score, 2)) for token, score in counted.nearest(word, k=3)])

# %% [markdown]
tell(
    """
    ## 5. The slip in the softmax

    The note's formula sums over i = 1 … k, but k is already the word whose probability is asked
    for. Read as it stands, the first word is certain, and the probabilities add up to more than 1.
    The sum runs over the vocabulary: i = 1 … V.
    """,
    """
    ## 5. 소프트맥스의 실수

    노트의 식은 i = 1 … k까지 더하는데, k는 이미 확률을 구할
    단어의 번호다. 그대로 읽으면 첫 단어는 확률이 1이 되고,
    확률의 합은 1을 넘는다. 합은 단어 집합 전체, 곧
    i = 1 … V에 걸친다.
    """,
)

# %%
scores = np.array([1.0, 2.0, 0.5, -1.0, 0.0, 1.5])
powers = np.exp(scores)
to_k = powers / np.cumsum(powers)
to_v = powers / powers.sum()
print("i = 1 … k, wrong 틀림:", to_k.round(3), "sum 합", to_k.sum().round(3))
print("i = 1 … V, right 맞음:", to_v.round(3), "sum 합", to_v.sum().round(3))

# %% [markdown]
tell(
    """
    ## 6. A yes/no question in place of a choice

    "Is this the word?" needs one score. With the sigmoid y of the score and the right answer t (1
    or 0) the loss is `L = -(t·log y + (1-t)·log(1-y))`, and its gradient by the score simply
    `y - t`. `sajeon.negative_sampling_loss` returns both; torch's automatic differentiation agrees.
    """,
    """
    ## 6. 고르기 대신 예/아니요

    "이 단어인가?"에는 점수가 하나면 된다. 점수의 시그모이드를
    y, 정답을 t(1 또는 0)라 하면 손실은
    `L = -(t·log y + (1-t)·log(1-y))`이고, 점수에 대한
    기울기는 그저 `y - t`다. `sajeon.negative_sampling_loss`는
    둘을 함께 돌려주며, torch의 자동 미분과 일치한다.
    """,
)

# %%
scores, labels = np.array([2.0, -1.0, 0.5]), np.array([1, 0, 0])
loss, d_scores = sajeon.negative_sampling_loss(scores, labels)
y = 1 / (1 + np.exp(-scores))
by_hand = -(labels * np.log(y) + (1 - labels) * np.log(1 - y)).sum()
s = torch.from_numpy(scores).requires_grad_()
torch.nn.functional.binary_cross_entropy_with_logits(
    s, torch.from_numpy(labels).double(), reduction="sum"
).backward()
print("loss 손실:", round(loss, 6), "   by hand 손으로:", by_hand.round(6))
print(
    "y - t    :",
    (y - labels).round(4),
    "   ours:",
    d_scores.round(4),
    "   torch:",
    s.grad.numpy().round(4),
)

# %% [markdown]
tell(
    """
    ## 7. Why wrong words are needed

    A network that only ever sees right answers learns to say yes. Six words in a ring, each with
    three right neighbours and three wrong ones: without wrong words in training all 36 questions
    get a yes of nearly 1. With two drawn wrong words for each right one (the losses added up),
    right and wrong come apart. Not all wrong words are asked about: that would cost V again.
    """,
    """
    ## 7. 틀린 단어가 필요한 까닭

    맞는 답만 보는 신경망은 언제나 "예"라고 하는 법을 배운다.
    단어 여섯 개를 고리로 놓고, 저마다 맞는 이웃 셋과 틀린
    단어 셋이 있다고 하자. 틀린 단어 없이 배우면 36개의
    물음에 모두 거의 1로 "예"라 답한다. 맞는 단어마다 뽑은
    틀린 단어 둘을 함께 배우면(손실은 더한다) 맞고 틀림이
    갈라진다. 틀린 단어를 모두 묻지는 않는다. 그러면 비용이
    다시 V가 된다.
    """,
)

# %%
words = ["you", "say", "goodbye", "i", "hello", "."]
right = np.zeros((6, 6), dtype=bool)
for i in range(6):
    right[i, [(i + 1) % 6, (i - 1) % 6, (i + 2) % 6]] = True


def learn(num_negatives):
    """Return the probability of a yes for each pair of words, (6, 6)."""
    noise = sajeon.NoiseSampler(np.ones(6), seed=1)
    inner, outer = np.random.default_rng(0).normal(0, 0.1, (6, 8)), np.zeros((6, 8))
    for _ in range(100):
        for i, j in np.argwhere(right):
            rows = np.append(j, noise.sample(num_negatives, target=j))
            _, d = sajeon.negative_sampling_loss(outer[rows] @ inner[i], rows == j)
            d_inner = d @ outer[rows]
            np.add.at(outer, rows, -0.3 * np.outer(d, inner[i]))
            inner[i] -= 0.3 * d_inner
    return 1 / (1 + np.exp(-inner @ outer.T))


answers = {num_negatives: learn(num_negatives) for num_negatives in (0, 2)}
for num_negatives, yes in answers.items():
    print(
        f"{num_negatives} wrong words 틀린 단어:  yes to right 맞는 단어에 {yes[right].mean():.3f},"
        f"  to wrong 틀린 단어에 {yes[~right].mean():.3f}"
    )

# %% [markdown]
tell(
    """
    ## 8. Which wrong words: drawing

    NumPy's `choice` draws one word, five, five different ones (`replace=False`), or by a
    distribution (`p`). Negative sampling draws by a distribution, with replacement.
    """,
    """
    ## 8. 어떤 틀린 단어인가: 뽑기

    NumPy의 `choice`는 단어 하나를, 다섯을, 서로 다른 다섯을
    (`replace=False`), 또는 확률분포에 따라(`p`) 뽑는다.
    네거티브 샘플링은 확률분포에 따라, 중복을 허용해 뽑는다.
    """,
)

# %%
rng = np.random.default_rng(0)
p = [0.5, 0.1, 0.05, 0.2, 0.05, 0.1]
print("choice(10)                    ", rng.choice(10))
print("choice(words)                 ", rng.choice(words))
print("choice(words, size=5)         ", rng.choice(words, size=5).tolist())
different = rng.choice(words, size=5, replace=False)
print("choice(…, size=5, replace=False)", different.tolist())
print("choice(words, p=p)            ", rng.choice(words, p=p))

# %% [markdown]
tell(
    """
    ## 9. The slip: "times 0.75"

    The note's text says that the distribution is *multiplied by* 0.75; its formula has the *power*
    0.75, and that is right. Multiplied and brought to the sum 1 again, nothing has changed. The
    power makes the frequent rarer and the rare more frequent. `NoiseSampler` draws from it at a
    constant cost for any vocabulary, and never draws the right word itself.
    """,
    """
    ## 9. 실수: "0.75를 곱한다"

    노트의 글은 확률분포에 0.75를 **곱한다**고 하지만 식은
    0.75 **제곱**이고, 식이 맞다. 곱한 뒤 합을 다시 1로
    맞추면 아무것도 달라지지 않는다. 제곱은 잦은 단어를
    드물게, 드문 단어를 잦게 한다. `NoiseSampler`는 단어
    집합이 아무리 커도 같은 비용으로 뽑으며, 정답은 뽑지
    않는다.
    """,
)

# %%
multiplied = 0.75 * np.array(p) / np.sum(0.75 * np.array(p))
noise = sajeon.NoiseSampler(p, power=0.75, seed=1)
print("P                 ", np.array(p))
print("P · 0.75, wrong 틀림", multiplied.round(4))
print("P ^ 0.75, right 맞음", noise.probabilities.round(4))

drawn = noise.sample(100_000)
shares = np.bincount(drawn, minlength=6) / len(drawn)
print("100,000 draws 뽑음  ", shares.round(4))
without_you = noise.sample(10_000, target=0)
print('target "you", drawn 뽑힌 단어:', [words[i] for i in np.unique(without_you)])

# %% [markdown]
tell(
    """
    ## 10. CBOW both ways

    The sentences of section 4, once with the full softmax (small enough to read: the mean of the
    neighbours' rows, a linear layer of V outputs, cross-entropy), once by `sajeon.train` with
    negative sampling. Here V is small and both work; with V = 100,000 the first one would compute
    100,000 scores for each word of the text, the second still six.
    """,
    """
    ## 10. 두 가지 CBOW

    4절의 문장들을 한 번은 온전한 소프트맥스로(이웃 행의
    평균, 출력 V개의 선형층, 교차 엔트로피: 읽을 수 있을 만큼
    짧다), 한 번은 네거티브 샘플링을 쓰는 `sajeon.train`으로
    배운다. 여기서는 V가 작아 둘 다 된다. V = 100,000이면
    앞의 것은 글의 단어마다 점수 100,000개를, 뒤의 것은
    여전히 여섯 개를 계산한다.
    """,
)

# %%
from sajeon.nn import Embedding

contexts, targets = [], []
for text in vocab.encode_batch(texts):
    for i in range(1, len(text) - 1):  # one neighbour on each side, as in the note
        contexts.append([text[i - 1], text[i + 1]])
        targets.append(text[i])
contexts, targets = torch.tensor(np.array(contexts)), torch.tensor(np.array(targets))

torch.manual_seed(1)
table, output = Embedding(len(vocab), 20), torch.nn.Linear(20, len(vocab), bias=False)
adam = torch.optim.Adam([*table.parameters(), *output.parameters()], lr=0.01)
softmax_losses = []
for _ in range(8):
    total = 0.0
    for batch in torch.randperm(len(targets)).split(128):
        scores = output(table(contexts[batch]).mean(dim=1))  # (128, V)
        loss = torch.nn.functional.cross_entropy(scores, targets[batch])
        adam.zero_grad()
        loss.backward()
        adam.step()
        total += loss.item() * len(batch)
    softmax_losses.append(total / len(targets))
by_softmax = table.to_vectors(vocab)
print(
    f"full softmax: mean loss {softmax_losses[0]:.3f} → {softmax_losses[-1]:.3f}"
    f"   (guessing, 찍으면: {np.log(len(vocab)):.3f})"
)

# %%
vectors = sajeon.train(
    texts, model="cbow", dim=20, window=2, epochs=10, min_count=1, sample=0, seed=1
)
for name, learnt in (("full softmax", by_softmax), ("negative sampling", vectors)):
    nearest = [token for token, _ in learnt.nearest("cat", k=2)]
    print(
        f"{name:18} cat: {nearest}   man : king = woman :",
        learnt.analogy("man", "king", "woman")[0],
    )

# %% [markdown]
tell(
    """
    ## 11. A vector of fixed length, for a word and for a sentence

    The mean of its words' vectors makes a sentence of any length one vector of 20 numbers, which
    any learning method takes. `weights="sif"` counts frequent words less. The mean forgets the
    order: the second sentence below has the first one's vector.
    """,
    """
    ## 11. 단어도 문장도 길이가 같은 벡터

    단어 벡터의 평균은 길이가 어떤 문장이든 수 20개의 벡터
    하나로 만들며, 어떤 학습 방법도 이를 입력으로 쓸 수 있다.
    `weights="sif"`는 잦은 단어를 가볍게 센다. 평균은 차례를
    잊는다. 아래 둘째 문장의 벡터는 첫째와 같다.
    """,
)

# %%
sentences = ["the king rules his land", "his land rules the king", "a dog sleeps in its bed"]
means = vectors.encode(sentences)
weighted = vectors.encode(sentences, weights="sif")
print("shape 모양:", means.shape)
for other in (1, 2):
    by_mean = vectors.similarity(means[0], means[other])
    by_sif = vectors.similarity(weighted[0], weighted[other])
    print(f"{sentences[0]} / {sentences[other]}:  mean 평균 {by_mean:.3f}   sif {by_sif:.3f}")

# %% [markdown]
tell(
    """
    ## 12. Embedding in PyTorch

    `Embedding(10, 3)` on a (2, 4) batch of ids gives (2, 4, 3). Ids must be integers.
    `padding_idx` names a row that gets no gradient, so an optimiser leaves it alone.
    """,
    """
    ## 12. PyTorch의 Embedding

    `Embedding(10, 3)`에 (2, 4) 모양의 번호를 주면 (2, 4, 3)이
    나온다. 번호는 정수여야 한다. `padding_idx`의 행은
    기울기를 받지 않으므로 최적화가 건드리지 않는다.
    """,
)

# %%
torch.manual_seed(0)
batch = torch.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])
embedding = Embedding(10, 3, padding_idx=9)
out = embedding(batch)
print("shape 모양:", tuple(out.shape))
out.sum().backward()
print("gradient of rows, 행의 기울기:", embedding.weight.grad[:, 0].int().tolist())

try:
    embedding(batch.float())
except RuntimeError as error:
    float_error = str(error)
    print("float ids 실수 번호:", float_error)

# %% [markdown]
tell(
    """
    ## 13. max_norm shortens rows, in place

    With `max_norm=1` a row longer than 1 is shortened *in the table* when it is looked up: the
    eight norms below are 1, rows 0, 6, 7, 8 were not looked up and are as before, to the bit.
    """,
    """
    ## 13. max_norm은 행을 제자리에서 줄인다

    `max_norm=1`이면 1보다 긴 행은 조회될 때 **표 안에서**
    줄어든다. 아래 여덟 개의 노름은 1이고, 조회되지 않은 0, 6,
    7, 8번 행은 비트까지 그대로이다.
    """,
)

# %%
embedding = Embedding(num_embeddings=10, embedding_dim=100, max_norm=1)
before = embedding.weight.detach().clone()
norms = embedding(batch).detach().norm(dim=-1)
unchanged = [i for i in range(10) if torch.equal(embedding.weight[i], before[i])]
print("norms 노름:", norms.numpy().round(4).tolist())
print("rows as before, 그대로인 행:", unchanged)

# %% [markdown]
tell(
    """
    So whoever uses the table itself *before* the lookup, and wants gradients, must `clone()` it:
    otherwise the lookup changes numbers that backward still needs, and torch refuses. (`True`
    counts as 1.0.)
    """,
    """
    그러므로 조회하기 **전에** 표 자체를 쓰고 기울기도
    구하려면 `clone()`으로 복사해 두어야 한다. 그러지 않으면
    역전파가 아직 필요로 하는 수를 조회가 바꾸어 버려 torch가
    거절한다. (`True`는 1.0으로 센다.)
    """,
)

# %%
w = torch.randn(7, 5, requires_grad=True)
ids = torch.tensor([1, 2])

embedding = Embedding(3, 5, max_norm=True)
a = embedding.weight @ w.T  # (3, 7) keeps the table for its gradient
b = embedding(ids) @ w.T  # (2, 7) shortens rows 1 and 2 of it
try:
    (a.unsqueeze(0) + b.unsqueeze(1)).sigmoid().prod().backward()
except RuntimeError as error:
    in_place_error = str(error)
    print("without clone 복사 없이:", in_place_error[:95], "...")

embedding = Embedding(3, 5, max_norm=True)
a = embedding.weight.clone() @ w.T
b = embedding(ids) @ w.T
out = a.unsqueeze(0) + b.unsqueeze(1)
out.sigmoid().prod().backward()
print("with clone 복사하면:", tuple(out.shape), "   gradient 기울기:", tuple(w.grad.shape))

# %% [markdown]
tell(
    """
    ## 14. Looking at what was learnt

    A vector, nearest words, a similarity, an analogy, from Python; the command line has the same:
    `sajeon nearest model king`, `sajeon analogy model man king woman`.
    """,
    """
    ## 14. 배운 것 들여다보기

    벡터, 가까운 단어, 유사도, 유추를 파이썬에서 본다. 명령줄도
    같다: `sajeon nearest model king`,
    `sajeon analogy model man king woman`.
    """,
)

# %%
print("vector of king:", vectors["king"].round(2))
print(
    "nearest to king:", [(token, round(score, 2)) for token, score in vectors.nearest("king", k=4)]
)
print("cat, dog:", round(vectors.similarity("cat", "dog"), 3))
print("cat, crown:", round(vectors.similarity("cat", "crown"), 3))

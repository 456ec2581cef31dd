"""The test client behaves as Starlette's own does, wherever an answer is read before it is looked at."""

from collections.abc import Iterator

import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient, _TestClientTransport

from tests import whole_answers

app = FastAPI()
done: list[str] = []


@app.api_route("/pieces", methods=["GET", "HEAD"])
def pieces() -> StreamingResponse:
    return StreamingResponse(iter(["a", "b", "c"]))


@app.post("/afterwards")
def afterwards(body: dict[str, str], tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(done.append, body["é"])
    return body


@app.get("/fails")
def fails() -> None:
    raise ZeroDivisionError


@pytest.fixture(params=["ours", "theirs"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Both must answer alike."""
    if request.param == "theirs":
        monkeypatch.setattr(_TestClientTransport, "handle_request", whole_answers.streamed)
    with TestClient(app, raise_server_exceptions=False) as found:
        yield found


def test_answers_alike(client: TestClient) -> None:
    done.clear()
    assert client.get("/pieces").text == "abc"
    assert client.head("/pieces").text == ""
    answer = client.post("/afterwards?q=%C3%A9", json={"é": "later"}, headers={"X-Twice": "1"})
    assert (answer.json(), answer.headers["content-type"], done) == ({"é": "later"}, "application/json", ["later"])
    assert (client.get("/nothing").status_code, client.get("/fails").status_code) == (404, 500)
    with client.stream("GET", "/pieces") as streamed:
        assert "".join(streamed.iter_text()) == "abc"


def test_raises_what_the_service_raises_where_it_is_told_so(client: TestClient) -> None:
    with pytest.raises(ZeroDivisionError):
        TestClient(app).get("/fails")

"""A test client that takes an answer as a whole: one visit to the event loop for each request, not eight.

Starlette's own, made for answers that stream, is still what `client.stream` and websockets get.
"""

from typing import Any
from urllib.parse import unquote

import anyio
import httpx2
from starlette.testclient import TestClient, _TestClientTransport

WHOLE = "whole answer"
PORTS = {"http": 80, "https": 443}
ask, streamed = TestClient.request, _TestClientTransport.handle_request


def asked_for_all(client: TestClient, *arguments: Any, extensions: dict[str, Any] | None = None, **more: Any) -> Any:
    """A request whose answer is read before it is returned, which it always is but for `stream`."""
    return ask(client, *arguments, extensions={**(extensions or {}), WHOLE: True}, **more)


def answered(transport: _TestClientTransport, request: httpx2.Request) -> httpx2.Response:
    """The answer to a request. Raises what the service raises, where the client was told so."""
    if WHOLE not in request.extensions or request.url.scheme not in PORTS:
        return streamed(transport, request)
    answer = Answer(request.read())
    with transport.portal_factory() as portal:
        try:
            portal.call(answer.of, transport.app, scope_of(transport, request))
        except Exception:
            if transport.raise_server_exceptions:
                raise
    assert answer.status or not transport.raise_server_exceptions, "the service sent no answer"
    body = b"" if request.method == "HEAD" else b"".join(answer.pieces)
    return httpx2.Response(
        answer.status or 500, headers=answer.headers, stream=httpx2.ByteStream(body), request=request
    )


def scope_of(transport: _TestClientTransport, request: httpx2.Request) -> dict[str, Any]:
    """A request as ASGI has it."""
    url = request.url
    host = [] if "host" in request.headers else [(b"host", url.netloc)]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "path": unquote(url.path),
        "raw_path": url.raw_path.split(b"?", 1)[0],
        "root_path": transport.root_path,
        "scheme": url.scheme,
        "query_string": url.query,
        "headers": host + [(name.lower().encode(), value.encode()) for name, value in request.headers.multi_items()],
        "client": transport.client,
        "server": [url.raw_host.decode(), url.port or PORTS[url.scheme]],
        "extensions": {},
        "state": transport.app_state.copy(),
    }


class Answer:
    """What an application sends in answer to one request."""

    def __init__(self, body: bytes) -> None:
        self.body: bytes | None = body
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.pieces: list[bytes] = []

    async def of(self, app: Any, scope: dict[str, Any]) -> None:
        """Lets the application answer; what it does afterwards is waited for too."""
        self.complete = anyio.Event()
        await app(scope, self.receive, self.send)

    async def receive(self) -> dict[str, Any]:
        """The request's body; then nothing, until the client has its answer and is gone."""
        if self.body is None:
            await self.complete.wait()
            return {"type": "http.disconnect"}
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        """A piece of the answer, in its order."""
        assert not self.complete.is_set(), f"{message['type']} after the end of an answer"
        if message["type"] == "http.response.start":
            assert not self.status, "a second answer to one request"
            self.status = message["status"]
            self.headers = [(name.decode(), value.decode()) for name, value in message.get("headers", ())]
        else:
            assert message["type"] == "http.response.body", message["type"]
            assert self.status, "a body before its answer began"
            self.pieces.append(bytes(message.get("body", b"")))
            if not message.get("more_body"):
                self.complete.set()


def install() -> None:
    """From here on all test clients of this process do so."""
    TestClient.request = asked_for_all  # type: ignore[method-assign, assignment]
    _TestClientTransport.handle_request = answered  # type: ignore[method-assign]

"""A direct route answers as the framework would, and answers what is usual without it."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api.http.direct_route import DirectApp
from tests.api_driver import GUEST, ApiDriver

CHANGING_HEADERS = {"x-request-id", "oncelink-position", "content-length"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def framework_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that a direct route left to the framework."""
    calls: list[str] = []
    answer_directly = DirectApp.__call__

    async def answer(self: DirectApp, scope: Any, receive: Any, send: Any) -> None:
        framework = self.framework

        async def count_and_call(*arguments: Any) -> None:
            calls.append(scope["path"])
            await framework(*arguments)

        counting = DirectApp(self.endpoint, self.resolver, count_and_call)
        await answer_directly(counting, scope, receive, send)

    monkeypatch.setattr(DirectApp, "__call__", answer)
    return calls


async def answer_by_framework(self: DirectApp, scope: Any, receive: Any, send: Any) -> None:
    """Answer a request of a direct route without it."""
    await self.framework(scope, receive, send)


def send_both_ways(send: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    """Send a request to the direct route, and then to the framework alone."""
    with pytest.MonkeyPatch.context() as patch:
        direct = send()
        patch.setattr(DirectApp, "__call__", answer_by_framework)
        return [direct, send()]


def describe_answer(response: httpx2.Response) -> tuple[int, Any, dict[str, str]]:
    """The parts of an answer that two equal requests share."""
    headers = {name: value for name, value in response.headers.items() if name not in CHANGING_HEADERS}
    return response.status_code, response.json() if response.content else None, headers


def build_body(**changes: Any) -> str:
    """The body of a booking."""
    return json.dumps({"start": "2031-01-01T09:00:00Z", "guest": GUEST, **changes})


REFUSED: dict[str, dict[str, Any]] = {
    "nothing": {"headers": JSON},
    "no json": {"content": "{", "headers": JSON},
    "a list": {"content": "[]", "headers": JSON},
    "a repeated name": {"content": '{"start": 1, "start": 2}', "headers": JSON},
    "a field that is missing": {"content": '{"start": "2031-01-01T09:00:00Z"}', "headers": JSON},
    "an unknown field": {"content": build_body(more=1), "headers": JSON},
    "a time without an offset": {"content": build_body(start="2031-01-01T09:00"), "headers": JSON},
    "a control character": {"content": build_body(notes="\u0007"), "headers": JSON},
    "another type": {"content": build_body(), "headers": {"Content-Type": "text/plain"}},
    "no type": {"content": build_body()},
    "an unknown parameter": {"content": build_body(), "headers": JSON, "params": {"page": "2"}},
    "a bad key": {"content": build_body(), "headers": {**JSON, "Idempotency-Key": "two words"}},
    "a bad key and a bad body": {"content": "[]", "headers": {**JSON, "Idempotency-Key": "two words"}},
    "a time that is not offered": {"content": build_body(), "headers": JSON},
    "a body that is too large": {"content": build_body(notes="x" * 70_000), "headers": JSON},
}


@pytest.mark.parametrize("request_parts", REFUSED.values(), ids=REFUSED)
def test_a_booking_is_refused_in_the_same_words(shared_api: ApiDriver, request_parts: dict[str, Any]) -> None:
    slug = find_slug(shared_api)
    path = f"/v1/book/{slug}"
    direct, by_framework = send_both_ways(lambda: shared_api.client.post(path, **request_parts))
    assert 400 <= direct.status_code < 500
    assert describe_answer(direct) == describe_answer(by_framework)


@pytest.mark.parametrize(
    "query",
    [
        "from=2031-01-01&to=2031-01-02&time_zone=UTC",
        "from=2031-01-02&to=2031-01-01&time_zone=UTC",
        "from=2031-01-01&time_zone=UTC",
        "from=2031-01-01&to=2031-01-02&time_zone=Nowhere",
        "from=2031-01-01&to=2031-01-02&time_zone=UTC&page=2",
        "from=2031-01-01&to=2031-01-02&to=2031-01-03&time_zone=UTC",
        "first=2031-01-01&to=2031-01-02&time_zone=UTC",
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
def test_slots_are_answered_in_the_same_words(shared_api: ApiDriver, query: str, is_known: bool) -> None:
    path = f"/v1/book/{find_slug(shared_api) if is_known else 'no-such-link'}/slots?{query}"
    direct, by_framework = send_both_ways(lambda: shared_api.client.get(path))
    assert describe_answer(direct) == describe_answer(by_framework)


def test_the_usual_request_needs_no_framework(api: ApiDriver, framework_calls: list[str]) -> None:
    slug = api.create_link()["slug"]
    start, other_start, *_ = api.list_slots(slug)
    key = uuid4().hex
    booking = api.book_meeting(slug, start, Idempotency_Key=key)
    assert api.book_meeting(slug, start, Idempotency_Key=key) == booking
    assert api.book_meeting(slug, start, 409)["code"] == "slot_taken"
    assert framework_calls == []
    assert api.post(f"/v1/book/{slug}", {"start": other_start}, expect=422)["errors"][0]["field"] == "guest"
    assert framework_calls == [f"/v1/book/{slug}"]


def test_a_booking_is_the_same_both_ways(api: ApiDriver) -> None:
    slug = api.create_link()["slug"]
    starts = iter(api.list_slots(slug))
    direct, by_framework = send_both_ways(
        lambda: api.client.post(f"/v1/book/{slug}", content=build_body(start=next(starts)), headers=JSON)
    )
    answers = [describe_answer(response) for response in (direct, by_framework)]
    for _, body, _ in answers:
        for name in ("id", "start", "end"):
            del body["booking"][name]
        del body["manage_url"]
    assert answers[0] == answers[1]


def find_slug(shared_api: ApiDriver) -> str:
    """The slug of a link that the tests of this file share."""
    if "direct" not in shared_api.ids:
        shared_api.ids["direct"] = shared_api.create_link("Direct")["slug"]
    return shared_api.ids["direct"]

"""Answers with slots: bounded, shared only while nothing changed, and written as the API writes times."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import psycopg
import pytest

from api.v1.response_models import Slots
from api.v1.slot_answers import MAX_SLOTS, render_slots
from domain.availability.grid import StartRun
from tests.api_driver import ApiDriver, extract_code
from tests.conftest import SchemaPools
from tests.waiting import wait_until

HALF_HOUR = timedelta(minutes=30)
FIRST_DAY = datetime.now(UTC).date() + timedelta(days=2)
POOL_SIZE = 10


@pytest.fixture(scope="module")
def busy_api(schema_pools: SchemaPools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiDriver]:
    """A service whose statements wait long for a lock, so that a test can hold them for as long as it takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("store.database.TIMEOUT_OPTIONS", "-c lock_timeout=120s -c timezone=UTC")
        with schema_pools.run_service(tmp_path_factory.mktemp("data"), pool_size=POOL_SIZE) as api:
            yield api


def build_slots_path(code: str, days: int) -> str:
    """The path of the slots of some days."""
    return f"/v1/book/{code}/slots?from={FIRST_DAY}&to={FIRST_DAY + timedelta(days=days - 1)}&time_zone=UTC"


def test_an_answer_is_what_the_model_says() -> None:
    starts = [datetime(2026, 5, 4, 9, tzinfo=UTC), datetime(2026, 5, 4, 22, 30, tzinfo=UTC)]
    content = render_slots([StartRun(starts[0], HALF_HOUR, 2), StartRun(starts[1], HALF_HOUR, 1)], HALF_HOUR, "UTC")
    all_starts = [starts[0], starts[0] + HALF_HOUR, starts[1]]
    expected = {
        "time_zone": "UTC",
        "slots": [{"start": start, "end": start + HALF_HOUR} for start in all_starts],
        "next_from": None,
    }
    assert content == Slots.model_validate(expected).model_dump_json().encode()


def test_no_zone_changes_its_clock_within_a_minute() -> None:
    """So starts, and what notice and window leave out, change at whole seconds only: answers may be shared in one."""
    weeks = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(weeks=number) for number in range(120)]
    for name in available_timezones():
        zone = ZoneInfo(name)
        offsets = {week.astimezone(zone).utcoffset() for week in weeks}
        assert all(offset is not None and not offset % timedelta(minutes=1) for offset in offsets), name


def test_a_grid_of_minutes_comes_in_whole_days_that_continue(busy_api: ApiDriver) -> None:
    body = {"name": "Fine", "duration_minutes": 30, "slot_step_minutes": 1, "booking_window_days": 90}
    meeting_type = busy_api.post("/v1/meeting-types", body, "admin", 201)
    link = busy_api.create_link("Fine", meeting_type_id=meeting_type["id"])
    response = busy_api.client.get(build_slots_path(link["slug"], 62))
    answer = response.json()
    assert len(response.content) < 200_000
    assert len(answer["slots"]) == 2 * 24 * 60 <= MAX_SLOTS
    assert answer["next_from"] == str(FIRST_DAY + timedelta(days=2))
    starts: list[str] = []
    first: str | None = str(FIRST_DAY)
    while first:
        path = f"/v1/book/{link['slug']}/slots?from={first}&to={FIRST_DAY + timedelta(days=6)}&time_zone=Asia/Kolkata"
        answer = busy_api.get(path)
        starts += [slot["start"] for slot in answer["slots"]]
        first = answer["next_from"]
    assert len(starts) == len(set(starts)) == 7 * 24 * 60
    assert starts == sorted(starts)
    page = busy_api.client.get(f"/book/{link['slug']}?month={FIRST_DAY:%Y-%m}&day={FIRST_DAY}")
    assert page.status_code == 200
    assert page.text.count("[") < 5_000, "the page's script gets runs, not every minute"


def test_what_a_guest_booked_is_never_offered_to_them_again(busy_api: ApiDriver) -> None:
    slug = busy_api.create_link("Seen")["slug"]
    path = build_slots_path(slug, 5)
    with busy_api.clock.stop_at(datetime.now(UTC)):
        for _ in range(8):
            slots = busy_api.get(path)["slots"]
            booking = busy_api.book_meeting(slug, slots[3]["start"])
            offered = busy_api.get(path)["slots"]
            assert offered == [slot for slot in slots if slot != slots[3]]
        manage = extract_code(booking["manage_url"])
        move_path = path.replace(f"book/{slug}", f"manage/{manage}")
        assert slots[3] in busy_api.get(move_path)["slots"]
        busy_api.post(f"/v1/manage/{manage}/cancel", {})
        assert busy_api.get(path)["slots"] == slots
        assert busy_api.get(move_path, expect=409)["code"] == "booking_cancelled"


def test_a_link_expires_between_two_looks_of_one_second(busy_api: ApiDriver) -> None:
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5, milliseconds=100)
    link = busy_api.create_link("Short", expires_at=(now + timedelta(milliseconds=100)).isoformat())
    with busy_api.clock.stop_at(now):
        assert busy_api.get(build_slots_path(link["slug"], 2))["slots"]
    with busy_api.clock.stop_at(now + timedelta(milliseconds=100)):
        assert busy_api.get(build_slots_path(link["slug"], 2), expect=410)["code"] == "link_expired"


def test_equal_questions_are_computed_once_while_nothing_is_written(busy_api: ApiDriver) -> None:
    path = build_slots_path(busy_api.create_link("Looked at")["slug"], 31)
    answers = busy_api.services.shared_answers

    def is_computed_once() -> bool:
        before = answers.computed_count
        assert len({busy_api.client.get(path).content for _ in range(10)}) == 1
        return answers.computed_count - before == 1

    with busy_api.clock.stop_at(datetime.now(UTC)):
        wait_until(is_computed_once, "ten looks without a write of another test between them")


def test_looking_leaves_room_to_book(busy_api: ApiDriver, superuser_url: str) -> None:
    slug = busy_api.create_link("Crowded")["slug"]
    start = busy_api.list_slots(slug)[-1]
    schema = busy_api.services.settings.db_schema
    with ThreadPoolExecutor(31) as threads, psycopg.connect(superuser_url) as holder:
        holder.execute(f"LOCK TABLE {schema}.claims IN ACCESS EXCLUSIVE MODE")  # where looking finds the slug
        try:
            looks = [threads.submit(busy_api.client.get, build_slots_path(slug, 30)) for _ in range(30)]
            wait_until(lambda: count_waiting(superuser_url, schema), "somebody looks")
            booking = threads.submit(busy_api.book_meeting, slug, start).result(60)
            assert booking["booking"]["start"] == start
            assert busy_api.get("/v1/me", "member")["name"] == "Member", "signed-in people are not locked out either"
            assert not any(look.done() for look in looks)
            assert count_waiting(superuser_url, schema) <= POOL_SIZE // 3
        finally:
            holder.rollback()
        assert {look.result().status_code for look in looks} == {200}


def count_waiting(superuser_url: str, schema: str) -> int:
    """Count the statements on a schema's claims that wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    with psycopg.connect(superuser_url, autocommit=True) as observer:
        row = observer.execute(query, (f"%{schema}%claims%",)).fetchone()
    return int(row[0]) if row else 0

"""Driver of the API for tests: an organisation's people with keys, a meeting type, and common calls."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from fastapi.testclient import TestClient

from api.cli.people import add_person, make_api_key
from api.services import Services
from tests.documented_codes import assert_code_is_documented, assert_headers_are_documented
from tests.movable_clock import MovableClock

ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
GUEST = {"name": "Grace Guest", "email": "grace@guest.example", "time_zone": "Europe/Berlin"}


@dataclass
class ApiDriver:
    """Client of one running service, with the API keys and ids of an organisation's people."""

    client: TestClient
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Compare every answer that the client receives with the OpenAPI document."""
        self.client.event_hooks = {"response": [assert_code_is_documented, assert_headers_are_documented]}

    @classmethod
    def create_organisation(cls, client: TestClient) -> "ApiDriver":
        """Create Julio (member, always available), one person for each other role, and a meeting type."""
        api = cls(client)
        for role in ("admin", "manager", "member", "auditor", "analyst"):
            api.add_person(role, [role])
        api.add_person("engineer", ["member"])
        for who in ("member", "engineer", "manager"):
            api.patch("/v1/me", {"weekly_hours": ALWAYS}, who)
        meeting_type = api.post("/v1/meeting-types", {"name": "Intro", "duration_minutes": 30}, "admin", 201)
        api.ids["type"] = meeting_type["id"]
        return api

    @property
    def services(self) -> Services:
        """The services of the application."""
        return self.client.app.state.services  # type: ignore[attr-defined, no-any-return]

    @property
    def clock(self) -> MovableClock:
        """The clock of the application, if it was built with one that tests set."""
        assert isinstance(self.services.clock, MovableClock)
        return self.services.clock

    def add_person(self, who: str, roles: list[str]) -> None:
        """Add a person and an API key for them."""
        email = f"{who}@nexora.example"
        self.ids[who] = str(add_person(self.services, email, roles, who.capitalize(), "UTC"))
        self.services.onboarding.mark_done(UUID(self.ids[who]), ("finished",), self.services.clock())
        self.keys[who] = make_api_key(self.services, email, "tests")

    def build_headers(self, who: str | None, **extra: str) -> dict[str, str]:
        """Build the headers of a request. Without a person there is no Authorization."""
        authorization = {"Authorization": f"Bearer {self.keys[who]}"} if who else {}
        return authorization | {name.replace("_", "-"): value for name, value in extra.items()}

    def send_request(
        self, method: str, path: str, body: Any = None, who: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Send one request."""
        return self.client.request(method, path, json=body, headers=self.build_headers(who, **headers))

    def get(self, path: str, who: str | None = None, expect: int = 200) -> Any:
        """Send a GET and return its body. Asserts the status."""
        return read_body(self.send_request("GET", path, who=who), expect)

    def post(self, path: str, body: Any, who: str | None = None, expect: int = 200, **headers: str) -> Any:
        """Send a POST and return its body. Asserts the status."""
        return read_body(self.send_request("POST", path, body, who, **headers), expect)

    def patch(self, path: str, body: Any, who: str, expect: int = 200, **headers: str) -> Any:
        """Send a PATCH and return its body. Asserts the status."""
        return read_body(self.send_request("PATCH", path, body, who, **headers), expect)

    def create_link(self, name: str = "Intro call", who: str = "member", **properties: Any) -> Any:
        """Create a standard link."""
        body = {"name": name, "meeting_type_id": self.ids["type"], **properties}
        return self.post("/v1/links", body, who, 201)

    def create_team(self, *whom: str, name: str = "Sales engineering", **members: Any) -> Any:
        """Create a team of these people; `members` are those with a weight."""
        weights = {**dict.fromkeys(whom, 1), **members}
        body = {
            "name": name,
            "members": [{"person_id": self.ids[who], "weight": weight} for who, weight in weights.items()],
        }
        return self.post("/v1/teams", body, "manager", 201)

    def create_codes(self, link: Any, count: int = 1, who: str = "member") -> list[str]:
        """Issue single-use links of a link and return their codes."""
        issue_result = self.post(f"/v1/links/{link['id']}/single-use", {"count": count}, who, 201)
        return [item["code"] for item in issue_result["items"]]

    def list_slots(self, code: str, days: int = 3) -> list[str]:
        """List the starts of free slots from tomorrow on."""
        first = (datetime.now(UTC) + timedelta(days=1, hours=1)).date()  # none of them begins while a test runs
        last = first + timedelta(days=days - 1)
        return [
            slot["start"] for slot in self.get(f"/v1/book/{code}/slots?from={first}&to={last}&time_zone=UTC")["slots"]
        ]

    def book_meeting(self, code: str, start: str, expect: int = 201, **headers: str) -> Any:
        """Book as a guest."""
        return self.post(f"/v1/book/{code}", {"start": start, "guest": GUEST}, None, expect, **headers)

    def list_meetings(self, query: str = "", who: str = "manager") -> list[Any]:
        """List the rows of the meeting log after the read models have caught up with the event log."""
        last_position = self.services.database.fetch_rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
        response = self.send_request(
            "GET", f"/v1/meeting-log?{query}", who=who, Oncelink_Min_Position=str(last_position)
        )
        return read_body(response, 200)["items"]  # type: ignore[no-any-return]


def read_body(response: httpx2.Response, status: int) -> Any:
    """Return a response's body. Asserts the status."""
    assert response.status_code == status, f"{response.status_code}: {response.text[:2000]}"
    return response.json() if response.content else None


def extract_code(url: str) -> str:
    """Return the code at the end of a URL."""
    return url.rsplit("/", 1)[1]

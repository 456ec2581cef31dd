"""A small organisation for tests: people with keys, meeting types, and the calls that most tests begin with."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from fastapi.testclient import TestClient

from api.cli.people import add_person, make_api_key
from api.services import Oncelink

ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
GUEST = {"name": "Grace Guest", "email": "grace@guest.example", "time_zone": "Europe/Berlin"}


@dataclass
class House:
    """An organisation, and how its people and guests talk to it."""

    client: TestClient
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @classmethod
    def furnished(cls, client: TestClient) -> "House":
        """Julio (a member with time around the clock), one person for each other role, and a meeting type."""
        house = cls(client)
        for role in ("admin", "manager", "member", "auditor", "analyst"):
            house.hire(role, [role])
        house.hire("engineer", ["member"])
        for who in ("member", "engineer", "manager"):
            house.patch("/v1/me", {"weekly_hours": ALWAYS}, who)
        made = house.post("/v1/meeting-types", {"name": "Intro", "duration_minutes": 30}, "admin", 201)
        house.ids["type"] = made["id"]
        return house

    @property
    def oncelink(self) -> Oncelink:
        """The parts of the service."""
        return self.client.app.state.oncelink  # type: ignore[attr-defined, no-any-return]

    def hire(self, who: str, roles: list[str]) -> None:
        """Adds a person and makes a key for them."""
        email = f"{who}@nexora.example"
        self.ids[who] = str(add_person(self.oncelink, email, roles, who.capitalize(), "UTC"))
        self.keys[who] = make_api_key(self.oncelink, email, "tests")

    def headers(self, who: str | None, **more: str) -> dict[str, str]:
        """What this person sends; nothing for a guest."""
        signed = {"Authorization": f"Bearer {self.keys[who]}"} if who else {}
        return signed | {name.replace("_", "-"): value for name, value in more.items()}

    def send(self, method: str, path: str, body: Any = None, who: str | None = None, **headers: str) -> httpx2.Response:
        """One request."""
        return self.client.request(method, path, json=body, headers=self.headers(who, **headers))

    def get(self, path: str, who: str | None = None, expect: int = 200) -> Any:
        """A GET that must be answered as expected; its body."""
        return checked(self.send("GET", path, who=who), expect)

    def post(self, path: str, body: Any, who: str | None = None, expect: int = 200, **headers: str) -> Any:
        """A POST that must be answered as expected; its body."""
        return checked(self.send("POST", path, body, who, **headers), expect)

    def patch(self, path: str, body: Any, who: str, expect: int = 200, **headers: str) -> Any:
        """A PATCH that must be answered as expected; its body."""
        return checked(self.send("PATCH", path, body, who, **headers), expect)

    def link(self, name: str = "Intro call", who: str = "member", **properties: Any) -> Any:
        """A new standard link."""
        body = {"name": name, "meeting_type_id": self.ids["type"], **properties}
        return self.post("/v1/links", body, who, 201)

    def codes(self, link: Any, count: int = 1, who: str = "member") -> list[str]:
        """Codes of new single-use links of a link."""
        issued = self.post(f"/v1/links/{link['id']}/single-use", {"count": count}, who, 201)
        return [item["code"] for item in issued["items"]]

    def slots(self, code: str, days: int = 3) -> list[str]:
        """The starts on offer from tomorrow on."""
        first = (datetime.now(UTC) + timedelta(days=1, hours=1)).date()  # none of them begins while a test runs
        last = first + timedelta(days=days - 1)
        return [
            slot["start"] for slot in self.get(f"/v1/book/{code}/slots?from={first}&to={last}&time_zone=UTC")["slots"]
        ]

    def book(self, code: str, start: str, expect: int = 201, **headers: str) -> Any:
        """A guest's booking."""
        return self.post(f"/v1/book/{code}", {"start": start, "guest": GUEST}, None, expect, **headers)

    def log(self, query: str = "", who: str = "manager") -> list[Any]:
        """The meeting log, as current as the log itself."""
        head = self.oncelink.database.rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
        answer = self.send("GET", f"/v1/meeting-log?{query}", who=who, Oncelink_Min_Position=str(head))
        return checked(answer, 200)["items"]  # type: ignore[no-any-return]


def checked(answer: httpx2.Response, status: int) -> Any:
    """An answer's body, if its status is the expected one."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:2000]}"
    return answer.json() if answer.content else None


def code_of(url: str) -> str:
    """The code at the end of a URL."""
    return url.rsplit("/", 1)[1]

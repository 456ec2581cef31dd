"""Clients of the torture: each sends one request after the other, and records the answers in the terms of the model."""

import random
import time
from collections.abc import Sequence
from uuid import uuid4

from tests.api_driver import GUEST, extract_code
from tests.torture.environment import KINDS, TortureEnvironment
from tests.torture.http_client import HttpClient, HttpResponse, ResponseLost
from tests.torture.reference_model import ISSUED, Action, Answer, name_replacement
from tests.torture.rounds import SLOTS, TIMEOUT_SECONDS, BookingRequest, Round

MAX_TOKENS = 40
LAST_REMINDER_MINUTES = 60
LAST_REMINDER_SLOTS = LAST_REMINDER_MINUTES // 30
WEIGHTS = {
    "issue": 4,
    "view": 3,
    "read_link": 2,
    "book": 9,
    "repeat": 3,
    "reschedule": 4,
    "see_meeting": 1,
    "see_reminders": 1,
    "mark": 0.3,
    "cancel": 1,
    "replace": 1,
    "revoke": 0.3,
    "edit": 2,
    "switch": 0.6,
}


class Client:
    """One client of a round, with its own connection and random numbers."""

    def __init__(
        self,
        environment: TortureEnvironment,
        round: Round,
        http_client: HttpClient,
        rng: random.Random,
        focus: Sequence[str] = (),
    ) -> None:
        self.environment = environment
        self.round = round
        self.http_client = http_client
        self.rng = rng
        self.focus = focus
        self.authorization = environment.keys["manager"]

    def run_random_action(self) -> None:
        """Run one random action, if it is possible yet."""
        verbs = self.focus or list(WEIGHTS)
        [verb] = self.rng.choices(verbs, [WEIGHTS[verb] for verb in verbs])
        getattr(self, verb)()

    def execute_action(
        self, action: Action, method: str, path: str, body: object, success: Answer, **headers: str | None
    ) -> HttpResponse | None:
        """Execute and record one operation: its answer is `success`, a refusal's code, or unknown."""
        started_at = time.monotonic()
        response = self.send_request(method, path, body, **headers)
        answer = None if response is None else success if response.status < 400 else (response.code,)
        self.round.history.add_operation(action, started_at, answer)
        return response

    def send_request(self, method: str, path: str, body: object = None, **headers: str | None) -> HttpResponse | None:
        """Send a request. Return None when the response was lost, or nobody knows (503)."""
        try:
            response = self.http_client.send(method, path, body, **headers)
        except ResponseLost:
            return None
        return None if response.status == 503 else response

    def choose_name(self, names: Sequence[str]) -> str | None:
        """Choose one of these names, if there is any."""
        return self.rng.choice(names) if names else None

    def issue(self) -> None:
        """Issue a single-use link, or ask again for one that may have been issued."""
        with self.round.lock:
            full = len(self.round.codes) >= MAX_TOKENS
            unknown = list(self.round.unissued)
        name, link = unknown[0].split() if unknown else (uuid4().hex[:12], self.rng.choice("xy"))
        if full and not unknown:
            return
        self.issue_named_link(name, link)

    def issue_named_link(self, name: str, link: str) -> None:
        """Issue the single-use link of this name."""
        path = f"/v1/links/{self.round.links[link]}/single-use"
        headers = {"Authorization": self.authorization, "Idempotency_Key": name}
        response = self.execute_action(Action("issue", link, name), "POST", path, {}, ("issued",), **headers)
        with self.round.lock:
            self.round.unissued = [pending for pending in self.round.unissued if pending != f"{name} {link}"]
            if response is None:
                self.round.unissued.append(f"{name} {link}")
            elif response.status == 201:
                [item] = response.body["items"]
                self.round.codes[name], self.round.ids[name] = item["code"], item["id"]

    def view(self) -> None:
        """View a link's page: at the token, and at its link, each at an instant of its own."""
        token = self.choose_name(list(self.round.codes))
        if token:
            self.view_token(token)

    def view_token(self, token: str) -> bool:
        """View the page of one token. Return whether there was an answer."""
        started_at = time.monotonic()
        response = self.send_request("GET", f"/v1/book/{self.round.codes[token]}")
        if response is None:
            return False
        link = self.find_link(token)
        status = {"link_used": "used", "link_revoked": "revoked"}.get(response.code, ISSUED)
        if response.status == 200:
            self.round.history.add_operation(
                Action("see_link", link), started_at, ("open", response.body["meeting_type"]["name"])
            )
        elif response.code == "link_disabled":
            self.round.history.add_operation(Action("see_link", link), started_at, ("link_disabled",))
        elif status == ISSUED:
            status = response.code
        self.round.history.add_operation(Action("view", token), started_at, (status,))
        return True

    def find_link(self, token: str) -> str:
        """Find the link from which a token was issued."""
        actions = (operation.action for operation in self.round.history.operations if operation.action.verb == "issue")
        return next(action.target for action in actions if action.key == token.rstrip("+"))

    def read_link(self) -> None:
        """Reads a link as its manager."""
        self.read_named_link(self.rng.choice("xy"))

    def read_named_link(self, name: str) -> bool:
        """Read one link. Return whether there was an answer."""
        started_at = time.monotonic()
        response = self.send_request("GET", f"/v1/links/{self.round.links[name]}", Authorization=self.authorization)
        if response is None:
            return False
        answer: Answer = (response.code,)
        if response.status == 200:
            self.round.versions[name] = response.body["version"]
            answer = (response.body["meeting_type"]["name"], response.body["status"], str(response.body["version"]))
        self.round.history.add_operation(Action("read_link", name), started_at, answer)
        return True

    def book(self) -> None:
        """Book a slot by any link, used or not; mostly with a key, rarely with one that stood for another start."""
        newest = self.rng.choice((0, -3))
        token = self.choose_name(list(self.round.codes)[newest:])
        if token is None:
            return
        start = self.rng.randrange(SLOTS)
        if self.rng.random() < 0.2:
            self.send_booking(BookingRequest(token, "", start))
            return
        booking_request = BookingRequest(token, uuid4().hex[:8], start)
        self.round.booking_requests.append(booking_request)
        if self.send_booking(booking_request) is None and self.rng.random() < 0.6:
            self.send_booking(booking_request)

    def repeat(self) -> None:
        """Repeat an earlier request, or send another one with its key."""
        if self.round.booking_requests:
            earlier = self.rng.choice(self.round.booking_requests)
            changed = BookingRequest(earlier.token, earlier.key, (earlier.start + 1) % SLOTS)
            self.send_booking(changed if self.rng.random() < 0.25 else earlier)

    def send_booking(self, booking_request: BookingRequest) -> HttpResponse | None:
        """Send a booking. What is not known for sure stays unresolved."""
        action = Action("book", booking_request.token, booking_request.key or None, booking_request.start)
        body = {"start": self.round.to_instant(booking_request.start), "guest": GUEST}
        started_at = time.monotonic()
        path = f"/v1/book/{self.round.codes[booking_request.token]}"
        response = self.send_request("POST", path, body, Idempotency_Key=booking_request.key or None)
        self.round.history.add_operation(action, started_at, self.interpret_booking(booking_request, response))
        if booking_request.key and response is None:
            with self.round.lock:
                self.round.unresolved.append(booking_request)
        elif booking_request.key:
            self.round.mark_resolved(booking_request)
        return response

    def interpret_booking(self, booking_request: BookingRequest, response: HttpResponse | None) -> Answer | None:
        """Interpret the response to a booking: the meeting type and the slot that it was booked on."""
        if response is None or response.status >= 400:
            return None if response is None else (response.code,)
        self.round.manage_codes[booking_request.token] = extract_code(response.body["manage_url"])
        booking = response.body["booking"]
        return ("booked", booking["meeting_type"]["name"], str(self.round.to_slot(booking["start"])))

    def reschedule(self) -> None:
        """Reschedule a booked meeting."""
        if token := self.choose_name(list(self.round.manage_codes)):
            start = self.rng.randrange(SLOTS)
            path, body = (
                f"/v1/manage/{self.round.manage_codes[token]}/reschedule",
                {"start": self.round.to_instant(start)},
            )
            self.execute_action(Action("reschedule", token, start=start), "POST", path, body, ("rescheduled",))

    def cancel(self) -> None:
        """Cancel a booked meeting."""
        if token := self.choose_name(list(self.round.manage_codes)):
            path = f"/v1/manage/{self.round.manage_codes[token]}/cancel"
            self.execute_action(Action("cancel", token), "POST", path, {}, ("cancelled",))

    def replace(self) -> None:
        """Ask for the replacement of a booked meeting, again when it was given but the answer was lost."""
        if token := self.choose_name(list(self.round.manage_codes)):
            key = uuid4().hex
            if self.replace_token(token, key) is None:
                self.replace_token(token, key)

    def replace_token(self, token: str, key: str) -> HttpResponse | None:
        """Ask for the replacement of one token."""
        path = f"/v1/bookings/{self.round.ids[token]}/replacement"
        headers = {"Authorization": self.authorization, "Idempotency_Key": key}
        response = self.execute_action(Action("replace", token, key), "POST", path, None, ("replaced",), **headers)
        if response is not None and response.status == 201:
            name = name_replacement(token)
            with self.round.lock:
                self.round.codes[name], self.round.ids[name] = response.body["code"], response.body["id"]
        return response

    def see_meeting(self) -> None:
        """View a booking's management page."""
        if token := self.choose_name(list(self.round.manage_codes)):
            self.view_booking(token)

    def view_booking(self, token: str) -> bool:
        """View one booking. Return whether there was an answer."""
        started_at = time.monotonic()
        response = self.send_request("GET", f"/v1/manage/{self.round.manage_codes[token]}")
        if response is None:
            return False
        answer: Answer = (response.code,)
        if response.status == 200:
            booking = response.body["booking"]
            status = "cancelled" if booking["status"] == "cancelled" else "booked"
            answer = (status, str(self.round.to_slot(booking["start"])))
        self.round.history.add_operation(Action("see_meeting", token), started_at, answer)
        return True

    def see_reminders(self) -> None:
        """Look when the guest of a meeting is reminded."""
        if token := self.choose_name(list(self.round.manage_codes)):
            self.view_reminders(token)

    def view_reminders(self, token: str) -> bool:
        """View the last reminder to the guest of one meeting, if any. Return whether there was an answer."""
        started_at = time.monotonic()
        path = f"/v1/bookings/{self.round.ids[token]}/mail"
        response = self.send_request("GET", path, Authorization=self.authorization)
        if response is None or response.status != 200:
            return False
        slots = [
            str(self.round.to_slot(mail["due_at"]) + LAST_REMINDER_SLOTS)
            for mail in response.body["items"]
            if (mail["to"], mail["what"], mail["offset_minutes"], mail["state"])
            == ("guest", "reminder", -LAST_REMINDER_MINUTES, "scheduled")
        ]
        answer: Answer = ("reminded", *slots) if slots else ("not_reminded",)
        self.round.history.add_operation(Action("see_reminders", token), started_at, answer)
        return True

    def mark(self) -> None:
        """Mark a meeting as a no-show, which none of them can be yet."""
        if token := self.choose_name(list(self.round.manage_codes)):
            path = f"/v1/bookings/{self.round.ids[token]}/no-show"
            authorization = self.authorization
            self.execute_action(Action("mark", token), "POST", path, {}, ("marked",), Authorization=authorization)

    def revoke(self) -> None:
        """Revoke a single-use link."""
        if token := self.choose_name(list(self.round.codes)):
            path = f"/v1/single-use/{self.round.ids[token]}/revoke"
            self.execute_action(
                Action("revoke", token), "POST", path, {}, ("revoked",), Authorization=self.authorization
            )

    def edit(self) -> None:
        """Change a link's meeting type, sometimes only if its version is the one that was read."""
        name, kind = self.rng.choice("xy"), self.rng.choice(list(KINDS))
        seen_version = self.round.versions.get(name)
        version = seen_version if self.rng.random() < 0.4 else None
        path, body = f"/v1/links/{self.round.links[name]}", {"meeting_type_id": self.environment.ids[kind]}
        headers = {"Authorization": self.authorization, "If_Match": f'"{version}"' if version else None}
        self.execute_action(
            Action("edit", name, kind=kind, version=version), "PATCH", path, body, ("edited",), **headers
        )

    def switch(self) -> None:
        """Disable a link, or mostly enable it."""
        name, enabled = self.rng.choice("xy"), self.rng.random() < 0.8
        path = f"/v1/links/{self.round.links[name]}/{'enable' if enabled else 'disable'}"
        action = Action("switch", name, kind="on" if enabled else "off")
        self.execute_action(action, "POST", path, None, ("switched",), Authorization=self.authorization)

    def resolve_unknowns(self) -> None:
        """Resolve everything that is not known yet, and read everything once more."""
        for booking_request in list(self.round.unresolved):
            retry_until_answered(lambda booking_request=booking_request: self.send_booking(booking_request) is not None)  # type: ignore[misc]
        for name in list(self.round.unissued):
            self.issue_named_link(*name.split())
        for token in list(self.round.codes):
            retry_until_answered(lambda token=token: self.view_token(token))  # type: ignore[misc]
        for token in list(self.round.manage_codes):
            retry_until_answered(lambda token=token: self.view_booking(token))  # type: ignore[misc]
        for token in list(self.round.manage_codes):
            retry_until_answered(lambda token=token: self.view_reminders(token))  # type: ignore[misc]
        for name in self.round.links:
            retry_until_answered(lambda name=name: self.read_named_link(name))  # type: ignore[misc]


def retry_until_answered(send: object) -> None:
    """Send until there is an answer. Raises AssertionError."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not send():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"no answer but 503 for {TIMEOUT_SECONDS} s"
        time.sleep(0.05)

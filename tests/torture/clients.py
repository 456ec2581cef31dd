"""Clients: each asks for one thing after the other, and notes what it was answered in the words of the desk."""

import random
import time
from collections.abc import Sequence
from uuid import uuid4

from tests.api_driver import GUEST, code_of
from tests.torture.environment import KINDS, Place
from tests.torture.http_client import Caller, Lost, Reply
from tests.torture.reference_model import ISSUED, Action, Answer
from tests.torture.rounds import PATIENCE, SLOTS, Round, Wish

MOST_TOKENS = 40
WEIGHTS = {
    "issue": 4,
    "view": 3,
    "read_link": 2,
    "book": 9,
    "repeat": 3,
    "reschedule": 4,
    "see_meeting": 1,
    "cancel": 1,
    "revoke": 0.3,
    "edit": 2,
    "switch": 0.6,
}


class Client:
    """One client of a round, with a connection and a chance of its own."""

    def __init__(
        self, here: Place, round: Round, caller: Caller, chance: random.Random, focus: Sequence[str] = ()
    ) -> None:
        self.here = here
        self.round = round
        self.caller = caller
        self.chance = chance
        self.focus = focus
        self.signed = here.keys["manager"]

    def act(self) -> None:
        """Does one thing, if it can be done yet."""
        verbs = self.focus or list(WEIGHTS)
        [verb] = self.chance.choices(verbs, [WEIGHTS[verb] for verb in verbs])
        getattr(self, verb)()

    def ask(
        self, action: Action, method: str, path: str, body: object, good: Answer, **headers: str | None
    ) -> Reply | None:
        """One operation, noted: its answer is `good`, or a refusal's code, or unknown. The reply, if there is one."""
        began = time.monotonic()
        reply = self.reply(method, path, body, **headers)
        answer = None if reply is None else good if reply.status < 400 else (reply.code,)
        self.round.history.add(action, began, answer)
        return reply

    def reply(self, method: str, path: str, body: object = None, **headers: str | None) -> Reply | None:
        """What was answered; nothing when it was lost, or nobody knows (503)."""
        try:
            found = self.caller.send(method, path, body, **headers)
        except Lost:
            return None
        return None if found.status == 503 else found

    def any_of(self, names: Sequence[str]) -> str | None:
        """One of these, if there is any."""
        return self.chance.choice(names) if names else None

    def issue(self) -> None:
        """Makes a single-use link, or asks again for one that it may have made."""
        with self.round.lock:
            full = len(self.round.codes) >= MOST_TOKENS
            lost = list(self.round.unissued)
        name, link = lost[0].split() if lost else (uuid4().hex[:12], self.chance.choice("xy"))
        if full and not lost:
            return
        self.issue_one(name, link)

    def issue_one(self, name: str, link: str) -> None:
        """Makes the single-use link of this name."""
        path = f"/v1/links/{self.round.links[link]}/single-use"
        headers = {"Authorization": self.signed, "Idempotency_Key": name}
        reply = self.ask(Action("issue", link, name), "POST", path, {}, ("issued",), **headers)
        with self.round.lock:
            self.round.unissued = [one for one in self.round.unissued if one != f"{name} {link}"]
            if reply is None:
                self.round.unissued.append(f"{name} {link}")
            elif reply.status == 201:
                [item] = reply.body["items"]
                self.round.codes[name], self.round.ids[name] = item["code"], item["id"]

    def view(self) -> None:
        """Looks at a link's page: at the token, and at its link, each at an instant of its own."""
        token = self.any_of(list(self.round.codes))
        if token:
            self.view_one(token)

    def view_one(self, token: str) -> bool:
        """Looks at the page of one token; whether there was an answer."""
        began = time.monotonic()
        reply = self.reply("GET", f"/v1/book/{self.round.codes[token]}")
        if reply is None:
            return False
        link = self.link_of(token)
        seen = {"link_used": "used", "link_revoked": "revoked"}.get(reply.code, ISSUED)
        if reply.status == 200:
            self.round.history.add(Action("see_link", link), began, ("open", reply.body["meeting_type"]["name"]))
        elif reply.code == "link_disabled":
            self.round.history.add(Action("see_link", link), began, ("link_disabled",))
        elif seen == ISSUED:
            seen = reply.code
        self.round.history.add(Action("view", token), began, (seen,))
        return True

    def link_of(self, token: str) -> str:
        """Which link a token was issued from."""
        issued = (one.action for one in self.round.history.operations if one.action.verb == "issue")
        return next(action.about for action in issued if action.key == token)

    def read_link(self) -> None:
        """Reads a link as its manager."""
        self.read_one(self.chance.choice("xy"))

    def read_one(self, name: str) -> bool:
        """Reads one link; whether there was an answer."""
        began = time.monotonic()
        reply = self.reply("GET", f"/v1/links/{self.round.links[name]}", Authorization=self.signed)
        if reply is None:
            return False
        answer: Answer = (reply.code,)
        if reply.status == 200:
            self.round.versions[name] = reply.body["version"]
            answer = (reply.body["meeting_type"]["name"], reply.body["status"], str(reply.body["version"]))
        self.round.history.add(Action("read_link", name), began, answer)
        return True

    def book(self) -> None:
        """Books a slot by any link, used or not; mostly with a key, seldom with one that stood for another start."""
        newest = self.chance.choice((0, -3))
        token = self.any_of(list(self.round.codes)[newest:])
        if token is None:
            return
        start = self.chance.randrange(SLOTS)
        if self.chance.random() < 0.2:
            self.book_as(Wish(token, "", start))
            return
        wish = Wish(token, uuid4().hex[:8], start)
        self.round.wishes.append(wish)
        if self.book_as(wish) is None and self.chance.random() < 0.6:
            self.book_as(wish)

    def repeat(self) -> None:
        """Sends an earlier request again, or another one under its key."""
        if self.round.wishes:
            earlier = self.chance.choice(self.round.wishes)
            other = Wish(earlier.token, earlier.key, (earlier.start + 1) % SLOTS)
            self.book_as(other if self.chance.random() < 0.25 else earlier)

    def book_as(self, wish: Wish) -> Reply | None:
        """Books; what is not known for sure stays open."""
        action = Action("book", wish.token, wish.key or None, wish.start)
        body = {"start": self.round.instant(wish.start), "guest": GUEST}
        began = time.monotonic()
        path = f"/v1/book/{self.round.codes[wish.token]}"
        reply = self.reply("POST", path, body, Idempotency_Key=wish.key or None)
        self.round.history.add(action, began, self.booked(wish, reply))
        if wish.key and reply is None:
            with self.round.lock:
                self.round.open.append(wish)
        elif wish.key:
            self.round.settled(wish)
        return reply

    def booked(self, wish: Wish, reply: Reply | None) -> Answer | None:
        """The answer to a booking in the desk's words: the meeting type and the time that it was booked on."""
        if reply is None or reply.status >= 400:
            return None if reply is None else (reply.code,)
        self.round.manage[wish.token] = code_of(reply.body["manage_url"])
        booking = reply.body["booking"]
        return ("booked", booking["meeting_type"]["name"], str(self.round.slot(booking["start"])))

    def reschedule(self) -> None:
        """Moves a booked meeting."""
        if token := self.any_of(list(self.round.manage)):
            start = self.chance.randrange(SLOTS)
            path, body = f"/v1/manage/{self.round.manage[token]}/reschedule", {"start": self.round.instant(start)}
            self.ask(Action("reschedule", token, start=start), "POST", path, body, ("rescheduled",))

    def cancel(self) -> None:
        """Cancels a booked meeting."""
        if token := self.any_of(list(self.round.manage)):
            path = f"/v1/manage/{self.round.manage[token]}/cancel"
            self.ask(Action("cancel", token), "POST", path, {}, ("cancelled",))

    def see_meeting(self) -> None:
        """Looks at a booking's own page."""
        if token := self.any_of(list(self.round.manage)):
            self.see_one(token)

    def see_one(self, token: str) -> bool:
        """Looks at one booking; whether there was an answer."""
        began = time.monotonic()
        reply = self.reply("GET", f"/v1/manage/{self.round.manage[token]}")
        if reply is None:
            return False
        answer: Answer = (reply.code,)
        if reply.status == 200:
            booking = reply.body["booking"]
            status = "cancelled" if booking["status"] == "cancelled" else "booked"
            answer = (status, str(self.round.slot(booking["start"])))
        self.round.history.add(Action("see_meeting", token), began, answer)
        return True

    def revoke(self) -> None:
        """Withdraws a single-use link."""
        if token := self.any_of(list(self.round.codes)):
            path = f"/v1/single-use/{self.round.ids[token]}/revoke"
            self.ask(Action("revoke", token), "POST", path, {}, ("revoked",), Authorization=self.signed)

    def edit(self) -> None:
        """Gives a link another meeting type, sometimes only if it is as it was seen."""
        name, kind = self.chance.choice("xy"), self.chance.choice(list(KINDS))
        seen = self.round.versions.get(name)
        version = seen if self.chance.random() < 0.4 else None
        path, body = f"/v1/links/{self.round.links[name]}", {"meeting_type_id": self.here.ids[kind]}
        headers = {"Authorization": self.signed, "If_Match": f'"{version}"' if version else None}
        self.ask(Action("edit", name, kind=kind, version=version), "PATCH", path, body, ("edited",), **headers)

    def switch(self) -> None:
        """Switches a link off, or mostly on."""
        name, on = self.chance.choice("xy"), self.chance.random() < 0.8
        path = f"/v1/links/{self.round.links[name]}/{'enable' if on else 'disable'}"
        action = Action("switch", name, kind="on" if on else "off")
        self.ask(action, "POST", path, None, ("switched",), Authorization=self.signed)

    def finish(self) -> None:
        """Finds out what became of everything that is not known yet, and looks at everything once more."""
        for wish in list(self.round.open):
            persist(lambda wish=wish: self.book_as(wish) is not None)  # type: ignore[misc]
        for name in list(self.round.unissued):
            self.issue_one(*name.split())
        for token in list(self.round.codes):
            persist(lambda token=token: self.view_one(token))  # type: ignore[misc]
        for token in list(self.round.manage):
            persist(lambda token=token: self.see_one(token))  # type: ignore[misc]
        for name in self.round.links:
            persist(lambda name=name: self.read_one(name))  # type: ignore[misc]


def persist(attempt: object) -> None:
    """Tries until there is an answer. Raises AssertionError."""
    deadline = time.monotonic() + PATIENCE
    while not attempt():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"no answer but 503 for {PATIENCE} s"
        time.sleep(0.05)

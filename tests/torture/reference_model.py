"""The reference model of links and tokens, one operation after the other: histories are checked against it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

Answer = tuple[str, ...]
ISSUED, BOOKED, CANCELLED, REVOKED = "issued", "booked", "cancelled", "revoked"
CHANGES = {
    "issued",
    "booked",
    "rescheduled",
    "cancelled",
    "revoked",
    "replaced",
    "edited",
    "switched",
}  # what may have changed something


@dataclass(frozen=True, slots=True)
class Action:
    """An operation that a client asks for: a verb, its link or token, and what matters of the request."""

    verb: str
    target: str
    key: str | None = None
    start: int = 0
    kind: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link: how long its meetings are (by the name of its meeting type), whether it is on, and its version."""

    kind: str
    enabled: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class TokenState:
    """A token: its link, its status, and the meeting: key, requested start, meeting type and current start.

    `replacement_key` is that of the request that was given its replacement.
    """

    link: str
    status: str = ISSUED
    key: str | None = None
    requested_start: int = 0
    kind: str = ""
    start: int = 0
    replacement_key: str | None = None


@dataclass(frozen=True)
class State:
    """Everything that an answer can depend on. Equal states have equal futures."""

    links: Mapping[str, LinkState]
    tokens: Mapping[str, TokenState] = field(default_factory=dict)
    identity: tuple[frozenset[object], frozenset[object]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", (frozenset(self.links.items()), frozenset(self.tokens.items())))

    def __hash__(self) -> int:
        return hash(self.identity)

    def replace_link(self, name: str, link: LinkState) -> "State":
        """Replace one link. Return a new state."""
        return State({**self.links, name: link}, self.tokens)

    def replace_token(self, name: str, token: TokenState) -> "State":
        """Replace one token. Return a new state."""
        return State(self.links, {**self.tokens, name: token})


def name_replacement(token: str) -> str:
    """Name the token that replaces another one."""
    return f"{token}+"


Step = tuple[Answer, State]


@dataclass(frozen=True)
class ReferenceModel:
    """The constants of a round: the hosts of each link, and how many slots a meeting of each kind takes."""

    hosts: Mapping[str, frozenset[str]]
    lengths: Mapping[str, int]

    def list_steps(self, state: State, action: Action) -> Iterator[Step]:
        """List every answer that is correct at this instant, each with the state after it.

        A refusal may name any reason that holds: the service finds them one after the other.
        """
        yield from getattr(self, f"_{action.verb}")(state, action)

    def _issue(self, state: State, action: Action) -> Iterator[Step]:
        name = action.key or ""
        token = state.tokens.get(name, TokenState(action.target))
        yield ("issued",), state.replace_token(name, token)

    def _view(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens.get(action.target)
        yield (token.status if token and token.status in (ISSUED, REVOKED) else "used" if token else "unknown",), state

    def _see_link(self, state: State, action: Action) -> Iterator[Step]:
        link = state.links[action.target]
        yield ("open", link.kind) if link.enabled else ("link_disabled",), state

    def _read_link(self, state: State, action: Action) -> Iterator[Step]:
        link = state.links[action.target]
        yield (link.kind, "active" if link.enabled else "disabled", str(link.version)), state

    def _book(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens.get(action.target)
        if token is None:
            yield ("link_not_found",), state
            return
        if token.status in (BOOKED, CANCELLED):
            yield self._answer_repetition(token, action), state
        link = state.links[token.link]
        reasons = [("link_revoked",)] * (token.status == REVOKED) + [("link_disabled",)] * (not link.enabled)
        yield from ((reason, state) for reason in reasons)
        if token.status == ISSUED and link.enabled:
            booked_token = TokenState(token.link, BOOKED, action.key, action.start, link.kind, action.start)
            if self._is_free(state, action.target, booked_token):
                yield ("booked", link.kind, str(action.start)), state.replace_token(action.target, booked_token)
            else:
                yield ("slot_taken",), state

    def _answer_repetition(self, token: TokenState, action: Action) -> Answer:
        """Repeat the first answer if the key and the request are the same; the meeting may have moved since."""
        if action.key is None or action.key != token.key:
            return ("link_used",)
        if action.start != token.requested_start:
            return ("idempotency_key_reused",)
        return ("booked", token.kind, str(token.requested_start))

    def _reschedule(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens[action.target]
        if token.status == CANCELLED:
            yield ("booking_cancelled",), state
        elif token.status == BOOKED:
            moved_token = replace(token, start=action.start)
            if self._is_free(state, action.target, moved_token):
                yield ("rescheduled",), state.replace_token(action.target, moved_token)
            else:
                yield ("slot_taken",), state

    def _cancel(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens[action.target]
        if token.status == CANCELLED:
            yield ("booking_cancelled",), state
        elif token.status == BOOKED:
            yield ("cancelled",), state.replace_token(action.target, replace(token, status=CANCELLED))

    def _replace(self, state: State, action: Action) -> Iterator[Step]:
        """A meeting that fell through is replaced once; its token stays spent, another one is issued."""
        token = state.tokens[action.target]
        if token.replacement_key == action.key:
            yield ("replaced",), state
        elif token.status == CANCELLED and token.replacement_key is None:
            replaced_state = state.replace_token(action.target, replace(token, replacement_key=action.key))
            yield ("replaced",), replaced_state.replace_token(name_replacement(action.target), TokenState(token.link))
        else:
            yield ("not_replaceable",), state

    def _see_meeting(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens[action.target]
        if token.status in (BOOKED, CANCELLED):
            yield (token.status, str(token.start)), state

    def _see_reminders(self, state: State, action: Action) -> Iterator[Step]:
        """A meeting that stands is reminded of at its time; one that was cancelled is not."""
        token = state.tokens[action.target]
        if token.status == BOOKED:
            yield ("reminded", str(token.start)), state
        elif token.status == CANCELLED:
            yield ("not_reminded",), state

    def _mark(self, state: State, action: Action) -> Iterator[Step]:
        """Nobody misses a meeting that is to come, or was cancelled."""
        token = state.tokens[action.target]
        if token.status in (BOOKED, CANCELLED):
            yield ("booking_cancelled" if token.status == CANCELLED else "meeting_not_started",), state

    def _revoke(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens[action.target]
        if token.status in (BOOKED, CANCELLED):
            yield ("already_booked",), state
        else:
            yield ("revoked",), state.replace_token(action.target, replace(token, status=REVOKED))

    def _edit(self, state: State, action: Action) -> Iterator[Step]:
        link = state.links[action.target]
        if action.version not in (None, link.version):
            yield ("version_conflict",), state
        elif link.kind == action.kind:
            yield ("edited",), state
        else:
            yield (
                ("edited",),
                state.replace_link(action.target, replace(link, kind=action.kind, version=link.version + 1)),
            )

    def _switch(self, state: State, action: Action) -> Iterator[Step]:
        link = state.links[action.target]
        enabled = action.kind == "on"
        switched_link = link if link.enabled == enabled else replace(link, enabled=enabled, version=link.version + 1)
        yield ("switched",), state.replace_link(action.target, switched_link)

    def _is_free(self, state: State, name: str, candidate: TokenState) -> bool:
        """Return whether no other meeting takes a host of this one at the same time."""
        return not any(
            other.status == BOOKED and name != other_name and self._overlap(candidate, other)
            for other_name, other in state.tokens.items()
        )

    def _overlap(self, first: TokenState, second: TokenState) -> bool:
        shared = self.hosts[first.link] & self.hosts[second.link]
        ends = (first.start + self.lengths[first.kind], second.start + self.lengths[second.kind])
        return bool(shared) and first.start < ends[1] and second.start < ends[0]

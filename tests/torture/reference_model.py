"""What a desk of links and tokens does when one thing happens after the other: what histories are held to."""

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
    "edited",
    "switched",
}  # what may have changed something


@dataclass(frozen=True, slots=True)
class Action:
    """What a client asks for: a verb, the link or token it is about, and what matters of the request."""

    verb: str
    about: str
    key: str | None = None
    start: int = 0
    kind: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link: how long its meetings are (by the name of its meeting type), whether it is on, and its version."""

    kind: str
    on: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class TokenState:
    """A token: its link, what became of it, and the meeting: whose key booked it, asked for when, and what it holds."""

    link: str
    status: str = ISSUED
    key: str | None = None
    asked: int = 0
    kind: str = ""
    start: int = 0


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

    def with_link(self, name: str, link: LinkState) -> "State":
        """The same with one link changed."""
        return State({**self.links, name: link}, self.tokens)

    def with_token(self, name: str, token: TokenState) -> "State":
        """The same with one token changed."""
        return State(self.links, {**self.tokens, name: token})


Step = tuple[Answer, State]


@dataclass(frozen=True)
class Desk:
    """What does not change: the hosts of each link, and how many slots a meeting of each kind takes."""

    hosts: Mapping[str, frozenset[str]]
    lengths: Mapping[str, int]

    def steps(self, state: State, action: Action) -> Iterator[Step]:
        """Every answer that is true at this instant, each with the state after it.

        A refusal may name any reason that holds: the service finds them one after the other.
        """
        yield from getattr(self, f"_{action.verb}")(state, action)

    def _issue(self, state: State, action: Action) -> Iterator[Step]:
        name = action.key or ""
        token = state.tokens.get(name, TokenState(action.about))
        yield ("issued",), state.with_token(name, token)

    def _view(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens.get(action.about)
        yield (token.status if token and token.status in (ISSUED, REVOKED) else "used" if token else "unknown",), state

    def _see_link(self, state: State, action: Action) -> Iterator[Step]:
        link = state.links[action.about]
        yield ("open", link.kind) if link.on else ("link_disabled",), state

    def _read_link(self, state: State, action: Action) -> Iterator[Step]:
        link = state.links[action.about]
        yield (link.kind, "active" if link.on else "disabled", str(link.version)), state

    def _book(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens.get(action.about)
        if token is None:
            yield ("link_not_found",), state
            return
        if token.status in (BOOKED, CANCELLED):
            yield self._repeated(token, action), state
        link = state.links[token.link]
        refused = [("link_revoked",)] * (token.status == REVOKED) + [("link_disabled",)] * (not link.on)
        yield from ((reason, state) for reason in refused)
        if token.status == ISSUED and link.on:
            held = TokenState(token.link, BOOKED, action.key, action.start, link.kind, action.start)
            if self._is_free(state, action.about, held):
                yield ("booked", link.kind, str(action.start)), state.with_token(action.about, held)
            else:
                yield ("slot_taken",), state

    def _repeated(self, token: TokenState, action: Action) -> Answer:
        """The first answer again for whoever has its key and asks for the same; the meeting may have moved since."""
        if action.key is None or action.key != token.key:
            return ("link_used",)
        if action.start != token.asked:
            return ("idempotency_key_reused",)
        return ("booked", token.kind, str(token.asked))

    def _reschedule(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens[action.about]
        if token.status == CANCELLED:
            yield ("booking_cancelled",), state
        elif token.status == BOOKED:
            moved = replace(token, start=action.start)
            if self._is_free(state, action.about, moved):
                yield ("rescheduled",), state.with_token(action.about, moved)
            else:
                yield ("slot_taken",), state

    def _cancel(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens[action.about]
        if token.status == CANCELLED:
            yield ("booking_cancelled",), state
        elif token.status == BOOKED:
            yield ("cancelled",), state.with_token(action.about, replace(token, status=CANCELLED))

    def _see_meeting(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens[action.about]
        if token.status in (BOOKED, CANCELLED):
            yield (token.status, str(token.start)), state

    def _revoke(self, state: State, action: Action) -> Iterator[Step]:
        token = state.tokens[action.about]
        if token.status in (BOOKED, CANCELLED):
            yield ("already_booked",), state
        else:
            yield ("revoked",), state.with_token(action.about, replace(token, status=REVOKED))

    def _edit(self, state: State, action: Action) -> Iterator[Step]:
        link = state.links[action.about]
        if action.version not in (None, link.version):
            yield ("version_conflict",), state
        elif link.kind == action.kind:
            yield ("edited",), state
        else:
            yield ("edited",), state.with_link(action.about, replace(link, kind=action.kind, version=link.version + 1))

    def _switch(self, state: State, action: Action) -> Iterator[Step]:
        link = state.links[action.about]
        on = action.kind == "on"
        after = link if link.on == on else replace(link, on=on, version=link.version + 1)
        yield ("switched",), state.with_link(action.about, after)

    def _is_free(self, state: State, name: str, wanted: TokenState) -> bool:
        """Whether no other meeting holds a host of this one at the same time."""
        return not any(
            other.status == BOOKED and name != other_name and self._overlap(wanted, other)
            for other_name, other in state.tokens.items()
        )

    def _overlap(self, one: TokenState, other: TokenState) -> bool:
        shared = self.hosts[one.link] & self.hosts[other.link]
        ends = (one.start + self.lengths[one.kind], other.start + self.lengths[other.kind])
        return bool(shared) and one.start < ends[1] and other.start < ends[0]

"""Who may do what: every rule, for each role and each relation to the thing."""

from collections.abc import Callable
from itertools import product
from uuid import UUID

import pytest

from domain.event import Actor, Context
from domain.link import Link
from domain.permissions import (
    expand_roles,
    require_booking_changeable,
    require_booking_reassignable,
    require_link_copyable,
    require_link_editable,
    require_link_switchable,
    require_link_visible,
    require_role,
    require_token_revocable,
)
from domain.refusals import Forbidden, NotFound, Refusal
from domain.token import Token
from tests.domain.example import ANNA, JULIO, LINK, NOW, build_booking_fields, build_context, create_link, mark_saved

BELA = UUID(int=98)
OTHER = UUID(int=99)
ROLES = ("member", "manager", "admin", "auditor", "analyst", "nobody")
SIGNS: dict[type[Refusal] | None, str] = {None: "✓", Forbidden: "✗", NotFound: "?"}


def build_caller(role: str, person: UUID | None) -> Context:
    """A caller with a role and all that it implies; `nobody` has none."""
    actor = Actor(kind="person", id=person) if person else Actor(kind="system")
    return Context(NOW, actor, "request", "api", expand_roles(() if role == "nobody" else (role,)))


def render_signs(rule: Callable[[Context], None], person: UUID | None) -> str:
    """Each role's sign: ✓ passes, ✗ is forbidden, ? is told that there is no such thing."""
    return " ".join(render_sign(rule, build_caller(role, person)) for role in ROLES)


def render_sign(rule: Callable[[Context], None], caller: Context) -> str:
    """The sign of one caller."""
    try:
        rule(caller)
    except Refusal as refusal:
        return SIGNS[type(refusal)]
    return SIGNS[None]


def build_link(variant: str) -> Link:
    """Julio's link with Anna as a co-host: plain, in the library, managed, or both."""
    kind = "managed" if "managed" in variant else "standard"
    return create_link(co_host_ids=(ANNA,), in_library="library" in variant, kind=kind)


LINK_RULES: dict[str, Callable[[Context, Link], None]] = {
    "see": require_link_visible,
    "edit": require_link_editable,
    "switch": require_link_switchable,
    "copy": require_link_copyable,
}
VARIANTS = ("plain", "library", "managed", "managed+library")
PEOPLE = {"owner": JULIO, "co-host": ANNA, "other": OTHER, "none": None}
LINK_CELLS = """
rule     link              person      | member   manager   admin   auditor  analyst  nobody
see      plain             owner       |    ✓        ✓        ✓        ✓        ✗        ✗
see      plain             co-host     |    ✓        ✓        ✓        ✓        ✗        ✗
see      plain             other       |    ?        ✓        ✓        ✓        ✗        ✗
see      plain             none        |    ?        ✓        ✓        ✓        ✗        ✗
see      library           owner       |    ✓        ✓        ✓        ✓        ✗        ✗
see      library           co-host     |    ✓        ✓        ✓        ✓        ✗        ✗
see      library           other       |    ✓        ✓        ✓        ✓        ✗        ✗
see      library           none        |    ✓        ✓        ✓        ✓        ✗        ✗
see      managed           owner       |    ✓        ✓        ✓        ✓        ✗        ✗
see      managed           co-host     |    ✓        ✓        ✓        ✓        ✗        ✗
see      managed           other       |    ?        ✓        ✓        ✓        ✗        ✗
see      managed           none        |    ?        ✓        ✓        ✓        ✗        ✗
see      managed+library   owner       |    ✓        ✓        ✓        ✓        ✗        ✗
see      managed+library   co-host     |    ✓        ✓        ✓        ✓        ✗        ✗
see      managed+library   other       |    ✓        ✓        ✓        ✓        ✗        ✗
see      managed+library   none        |    ✓        ✓        ✓        ✓        ✗        ✗
edit     plain             owner       |    ✓        ✓        ✓        ✗        ✗        ✗
edit     plain             co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
edit     plain             other       |    ?        ✓        ✓        ✗        ✗        ✗
edit     plain             none        |    ?        ✓        ✓        ✗        ✗        ✗
edit     library           owner       |    ✓        ✓        ✓        ✗        ✗        ✗
edit     library           co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
edit     library           other       |    ✗        ✓        ✓        ✗        ✗        ✗
edit     library           none        |    ✗        ✓        ✓        ✗        ✗        ✗
edit     managed           owner       |    ✗        ✗        ✗        ✗        ✗        ✗
edit     managed           co-host     |    ✗        ✗        ✗        ✗        ✗        ✗
edit     managed           other       |    ?        ✗        ✗        ✗        ✗        ✗
edit     managed           none        |    ?        ✗        ✗        ✗        ✗        ✗
edit     managed+library   owner       |    ✗        ✗        ✗        ✗        ✗        ✗
edit     managed+library   co-host     |    ✗        ✗        ✗        ✗        ✗        ✗
edit     managed+library   other       |    ✗        ✗        ✗        ✗        ✗        ✗
edit     managed+library   none        |    ✗        ✗        ✗        ✗        ✗        ✗
switch   plain             owner       |    ✓        ✓        ✓        ✗        ✗        ✗
switch   plain             co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
switch   plain             other       |    ?        ✓        ✓        ✗        ✗        ✗
switch   plain             none        |    ?        ✓        ✓        ✗        ✗        ✗
switch   library           owner       |    ✓        ✓        ✓        ✗        ✗        ✗
switch   library           co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
switch   library           other       |    ✗        ✓        ✓        ✗        ✗        ✗
switch   library           none        |    ✗        ✓        ✓        ✗        ✗        ✗
switch   managed           owner       |    ✗        ✓        ✓        ✗        ✗        ✗
switch   managed           co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
switch   managed           other       |    ?        ✓        ✓        ✗        ✗        ✗
switch   managed           none        |    ?        ✓        ✓        ✗        ✗        ✗
switch   managed+library   owner       |    ✗        ✓        ✓        ✗        ✗        ✗
switch   managed+library   co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
switch   managed+library   other       |    ✗        ✓        ✓        ✗        ✗        ✗
switch   managed+library   none        |    ✗        ✓        ✓        ✗        ✗        ✗
copy     plain             owner       |    ✓        ✓        ✓        ✗        ✗        ✗
copy     plain             co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
copy     plain             other       |    ?        ✓        ✓        ✗        ✗        ✗
copy     plain             none        |    ?        ✓        ✓        ✗        ✗        ✗
copy     library           owner       |    ✓        ✓        ✓        ✗        ✗        ✗
copy     library           co-host     |    ✓        ✓        ✓        ✗        ✗        ✗
copy     library           other       |    ✓        ✓        ✓        ✗        ✗        ✗
copy     library           none        |    ✓        ✓        ✓        ✗        ✗        ✗
copy     managed           owner       |    ✓        ✓        ✓        ✗        ✗        ✗
copy     managed           co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
copy     managed           other       |    ?        ✓        ✓        ✗        ✗        ✗
copy     managed           none        |    ?        ✓        ✓        ✗        ✗        ✗
copy     managed+library   owner       |    ✓        ✓        ✓        ✗        ✗        ✗
copy     managed+library   co-host     |    ✓        ✓        ✓        ✗        ✗        ✗
copy     managed+library   other       |    ✓        ✓        ✓        ✗        ✗        ✗
copy     managed+library   none        |    ✓        ✓        ✓        ✗        ✗        ✗
"""


def parse_rows(table: str) -> list[tuple[str, ...]]:
    """The rows of a table without its head: the words of each, then its signs."""
    rows = [line.split("|") for line in table.strip().splitlines()[1:]]
    return [(*words.split(), " ".join(signs.split())) for words, signs in rows]


@pytest.mark.parametrize(("verb", "variant", "person", "signs"), parse_rows(LINK_CELLS))
def test_links(verb: str, variant: str, person: str, signs: str) -> None:
    link = build_link(variant)
    assert render_signs(lambda caller: LINK_RULES[verb](caller, link), PEOPLE[person]) == signs


def test_every_cell_of_links_is_said() -> None:
    rows = {row[:3] for row in parse_rows(LINK_CELLS)}
    assert rows == set(product(LINK_RULES, VARIANTS, PEOPLE))


def build_token(state: str) -> Token:
    """A token of Julio's link: a single-use link that Anna issued, or one for a booking on the link itself.

    A booked one has Anna as its host and Bela as its co-host.
    """
    token = Token(UUID(int=5))
    if "single-use" in state:
        token.issue(build_context(), link_id=LINK, issued_by=ANNA)
    else:
        token.issue_directly(LINK, build_context())
    if "booked" in state:
        booking_fields = build_booking_fields() | {"host_ids": (ANNA, BELA), "host_versions": (1, 1)}
        token.book(build_context(person=None), **booking_fields)
    return mark_saved(token)


TOKEN_RULES: dict[str, Callable[[Context, Token, Link], None]] = {
    "revoke": require_token_revocable,
    "change": require_booking_changeable,
    "reassign": require_booking_reassignable,
}
STATES = ("single-use", "single-use,booked", "direct", "direct,booked")
TOKEN_PEOPLE = {"owner": JULIO, "issuer,host": ANNA, "co-host": BELA, "other": OTHER, "none": None}
TOKEN_CELLS = """
rule     token             person      | member   manager   admin   auditor  analyst  nobody
revoke   single-use        owner       |    ✓        ✓        ✓        ✗        ✗        ✗
revoke   single-use        issuer,host |    ✓        ✓        ✓        ✗        ✗        ✗
revoke   single-use        co-host     |    ?        ✓        ✓        ✗        ✗        ✗
revoke   single-use        other       |    ?        ✓        ✓        ✗        ✗        ✗
revoke   single-use        none        |    ?        ✓        ✓        ✗        ✗        ✗
revoke   single-use,booked owner       |    ✓        ✓        ✓        ✗        ✗        ✗
revoke   single-use,booked issuer,host |    ✓        ✓        ✓        ✗        ✗        ✗
revoke   single-use,booked co-host     |    ?        ✓        ✓        ✗        ✗        ✗
revoke   single-use,booked other       |    ?        ✓        ✓        ✗        ✗        ✗
revoke   single-use,booked none        |    ?        ✓        ✓        ✗        ✗        ✗
revoke   direct            owner       |    ?        ?        ?        ?        ?        ?
revoke   direct            issuer,host |    ?        ?        ?        ?        ?        ?
revoke   direct            co-host     |    ?        ?        ?        ?        ?        ?
revoke   direct            other       |    ?        ?        ?        ?        ?        ?
revoke   direct            none        |    ?        ?        ?        ?        ?        ?
revoke   direct,booked     owner       |    ?        ?        ?        ?        ?        ?
revoke   direct,booked     issuer,host |    ?        ?        ?        ?        ?        ?
revoke   direct,booked     co-host     |    ?        ?        ?        ?        ?        ?
revoke   direct,booked     other       |    ?        ?        ?        ?        ?        ?
revoke   direct,booked     none        |    ?        ?        ?        ?        ?        ?
change   single-use        owner       |    ?        ?        ?        ?        ?        ?
change   single-use        issuer,host |    ?        ?        ?        ?        ?        ?
change   single-use        co-host     |    ?        ?        ?        ?        ?        ?
change   single-use        other       |    ?        ?        ?        ?        ?        ?
change   single-use        none        |    ?        ?        ?        ?        ?        ?
change   single-use,booked owner       |    ✓        ✓        ✓        ✗        ✗        ✗
change   single-use,booked issuer,host |    ✓        ✓        ✓        ✗        ✗        ✗
change   single-use,booked co-host     |    ✓        ✓        ✓        ✗        ✗        ✗
change   single-use,booked other       |    ?        ✓        ✓        ✗        ✗        ?
change   single-use,booked none        |    ?        ✓        ✓        ✗        ✗        ?
change   direct            owner       |    ?        ?        ?        ?        ?        ?
change   direct            issuer,host |    ?        ?        ?        ?        ?        ?
change   direct            co-host     |    ?        ?        ?        ?        ?        ?
change   direct            other       |    ?        ?        ?        ?        ?        ?
change   direct            none        |    ?        ?        ?        ?        ?        ?
change   direct,booked     owner       |    ✓        ✓        ✓        ✗        ✗        ✗
change   direct,booked     issuer,host |    ✓        ✓        ✓        ✗        ✗        ✗
change   direct,booked     co-host     |    ✓        ✓        ✓        ✗        ✗        ✗
change   direct,booked     other       |    ?        ✓        ✓        ✗        ✗        ?
change   direct,booked     none        |    ?        ✓        ✓        ✗        ✗        ?
reassign single-use        owner       |    ?        ?        ?        ?        ?        ?
reassign single-use        issuer,host |    ?        ?        ?        ?        ?        ?
reassign single-use        co-host     |    ?        ?        ?        ?        ?        ?
reassign single-use        other       |    ?        ?        ?        ?        ?        ?
reassign single-use        none        |    ?        ?        ?        ?        ?        ?
reassign single-use,booked owner       |    ✗        ✓        ✓        ✗        ✗        ✗
reassign single-use,booked issuer,host |    ✓        ✓        ✓        ✗        ✗        ✗
reassign single-use,booked co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
reassign single-use,booked other       |    ?        ✓        ✓        ✗        ✗        ?
reassign single-use,booked none        |    ?        ✓        ✓        ✗        ✗        ?
reassign direct            owner       |    ?        ?        ?        ?        ?        ?
reassign direct            issuer,host |    ?        ?        ?        ?        ?        ?
reassign direct            co-host     |    ?        ?        ?        ?        ?        ?
reassign direct            other       |    ?        ?        ?        ?        ?        ?
reassign direct            none        |    ?        ?        ?        ?        ?        ?
reassign direct,booked     owner       |    ✗        ✓        ✓        ✗        ✗        ✗
reassign direct,booked     issuer,host |    ✓        ✓        ✓        ✗        ✗        ✗
reassign direct,booked     co-host     |    ✗        ✓        ✓        ✗        ✗        ✗
reassign direct,booked     other       |    ?        ✓        ✓        ✗        ✗        ?
reassign direct,booked     none        |    ?        ✓        ✓        ✗        ✗        ?
"""


@pytest.mark.parametrize(("verb", "state", "person", "signs"), parse_rows(TOKEN_CELLS))
def test_tokens(verb: str, state: str, person: str, signs: str) -> None:
    token, link = build_token(state), build_link("plain")
    assert render_signs(lambda caller: TOKEN_RULES[verb](caller, token, link), TOKEN_PEOPLE[person]) == signs


def test_every_cell_of_tokens_is_said() -> None:
    rows = {row[:3] for row in parse_rows(TOKEN_CELLS)}
    assert rows == set(product(TOKEN_RULES, STATES, TOKEN_PEOPLE))


@pytest.mark.parametrize(
    ("required", "signs"),
    [
        (("member",), "✓ ✓ ✓ ✗ ✗ ✗"),
        (("manager",), "✗ ✓ ✓ ✗ ✗ ✗"),
        (("admin",), "✗ ✗ ✓ ✗ ✗ ✗"),
        (("auditor",), "✗ ✗ ✗ ✓ ✗ ✗"),
        (("analyst",), "✗ ✗ ✗ ✗ ✓ ✗"),
        (("manager", "auditor"), "✗ ✓ ✓ ✓ ✗ ✗"),
        ((), "✗ ✗ ✗ ✗ ✗ ✗"),
    ],
)
def test_roles(required: tuple[str, ...], signs: str) -> None:
    assert render_signs(lambda caller: require_role(caller, *required), OTHER) == signs


@pytest.mark.parametrize(
    ("roles", "expanded"),
    [
        ((), set()),
        (("member",), {"member"}),
        (("manager",), {"member", "manager"}),
        (("admin",), {"member", "manager", "admin"}),
        (("auditor", "analyst"), {"auditor", "analyst"}),
        (("member", "auditor"), {"member", "auditor"}),
    ],
)
def test_roles_imply_others(roles: tuple[str, ...], expanded: set[str]) -> None:
    assert expand_roles(roles) == expanded

"""Who may do what: small named rules over roles and belonging; what may not be seen does not exist."""

from collections.abc import Collection
from uuid import UUID

from domain.event import Context
from domain.link import Link
from domain.refusals import Forbidden, NotFound
from domain.token import Token

IMPLIED: dict[str, frozenset[str]] = {
    "member": frozenset({"member"}),
    "manager": frozenset({"member", "manager"}),
    "admin": frozenset({"member", "manager", "admin"}),
    "auditor": frozenset({"auditor"}),
    "analyst": frozenset({"analyst"}),
}


def implied(roles: Collection[str]) -> frozenset[str]:
    """All roles that somebody with these roles has: an admin is a manager, a manager is a member."""
    return frozenset().union(*(IMPLIED[role] for role in roles))


def require(context: Context, *roles: str) -> None:
    """Lets only a holder of one of these roles go on. Raises Forbidden."""
    if context.roles.isdisjoint(roles):
        raise Forbidden


def is_own(context: Context, *person_ids: UUID | None) -> bool:
    """Whether the person who asks is one of these."""
    return context.actor.id is not None and context.actor.id in person_ids


def may_see_link(context: Context, link: Link) -> bool:
    """Managers and auditors see every link; members their own, those that they co-host, and the library."""
    if not context.roles.isdisjoint({"manager", "auditor"}):
        return True
    return "member" in context.roles and (link.properties.in_library or is_own(context, *link.host_ids))


def require_link_seen(context: Context, link: Link) -> None:
    """A link that may not be seen does not exist. Raises Forbidden for people without any link role, else NotFound."""
    require(context, "member", "auditor")
    if not may_see_link(context, link):
        raise NotFound


def require_link_edited(context: Context, link: Link) -> None:
    """Only its owner and managers change a link, and nobody changes a managed one by itself."""
    require_link_seen(context, link)
    if link.properties.kind == "managed":
        raise Forbidden
    require_link_switched(context, link)


def require_link_switched(context: Context, link: Link) -> None:
    """Owner and managers switch a link off and on; a managed one only managers."""
    require_link_seen(context, link)
    own = is_own(context, link.properties.owner_id) and link.properties.kind == "standard"
    if not ("manager" in context.roles or ("member" in context.roles and own)):
        raise Forbidden


def require_link_copied(context: Context, link: Link) -> None:
    """Who may copy a link may issue from it: its owner, managers, and every member for links in the library."""
    require_link_seen(context, link)
    copied = link.properties.in_library or is_own(context, link.properties.owner_id)
    if not ("manager" in context.roles or ("member" in context.roles and copied)):
        raise Forbidden


def require_token_revoked(context: Context, token: Token, link: Link) -> None:
    """The issuer, the link's owner and managers may revoke a single-use link; for others it does not exist."""
    if token.issued is None:
        raise NotFound
    if "manager" in context.roles or is_own(context, token.issued.issued_by, link.properties.owner_id):
        require(context, "member")
        return
    raise Forbidden if "member" not in context.roles else NotFound


def require_booking_reassigned(context: Context, token: Token, link: Link) -> None:
    """Managers give a meeting to another host, and its host gives it away; others who see it may not."""
    require_booking_changed(context, token, link)
    if "manager" not in context.roles and not is_own(context, token.host_ids[0]):
        raise Forbidden


def require_booking_changed(context: Context, token: Token, link: Link) -> None:
    """Its host, co-hosts, the link's owner and managers may change a booking; for others it does not exist."""
    if token.booked is None:
        raise NotFound
    if "manager" in context.roles or is_own(context, *token.host_ids, link.properties.owner_id):
        require(context, "member")
        return
    raise Forbidden if not context.roles.isdisjoint({"auditor", "analyst"}) else NotFound

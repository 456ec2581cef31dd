"""Permissions: rules over roles and ownership. What a person may not see is refused as not found."""

from collections.abc import Collection
from uuid import UUID

from domain.event import Context
from domain.link import Link
from domain.refusals import Forbidden, NotFound
from domain.token import Token

IMPLIED_ROLES: dict[str, frozenset[str]] = {
    "member": frozenset({"member"}),
    "manager": frozenset({"member", "manager"}),
    "admin": frozenset({"member", "manager", "admin"}),
    "auditor": frozenset({"auditor"}),
    "analyst": frozenset({"analyst"}),
}


def expand_roles(roles: Collection[str]) -> frozenset[str]:
    """Returns these roles with all roles they imply: an admin is a manager, a manager is a member."""
    return frozenset().union(*(IMPLIED_ROLES[role] for role in roles))


def require_role(context: Context, *roles: str) -> None:
    """Passes only a caller with one of these roles. Raises Forbidden."""
    if context.roles.isdisjoint(roles):
        raise Forbidden


def is_own(context: Context, *person_ids: UUID | None) -> bool:
    """Whether the caller is one of these people."""
    return context.actor.id is not None and context.actor.id in person_ids


def is_link_visible(context: Context, link: Link) -> bool:
    """Whether the caller may see a link: managers and auditors all; members their own, co-hosted and library ones."""
    if not context.roles.isdisjoint({"manager", "auditor"}):
        return True
    return "member" in context.roles and (link.properties.in_library or is_own(context, *link.host_ids))


def require_link_visible(context: Context, link: Link) -> None:
    """Passes if the link is visible. Raises Forbidden for people without any link role, else NotFound."""
    require_role(context, "member", "auditor")
    if not is_link_visible(context, link):
        raise NotFound


def require_link_editable(context: Context, link: Link) -> None:
    """Passes the owner and managers of a standard link. Raises Forbidden, NotFound."""
    require_link_visible(context, link)
    if link.properties.kind == "managed":
        raise Forbidden
    require_link_switchable(context, link)


def require_link_switchable(context: Context, link: Link) -> None:
    """Passes who may disable and enable a link: owner and managers; a managed one only managers."""
    require_link_visible(context, link)
    is_owner = is_own(context, link.properties.owner_id) and link.properties.kind == "standard"
    if not ("manager" in context.roles or ("member" in context.roles and is_owner)):
        raise Forbidden


def require_link_copyable(context: Context, link: Link) -> None:
    """Passes who may copy a link, and so issue from it: owner, managers, and members for the library."""
    require_link_visible(context, link)
    is_copyable = link.properties.in_library or is_own(context, link.properties.owner_id)
    if not ("manager" in context.roles or ("member" in context.roles and is_copyable)):
        raise Forbidden


def require_token_revocable(context: Context, token: Token, link: Link) -> None:
    """Passes the issuer, the link's owner and managers. Raises Forbidden, NotFound for others."""
    if token.issued_event is None:
        raise NotFound
    if "manager" in context.roles or is_own(context, token.issued_event.issued_by, link.properties.owner_id):
        require_role(context, "member")
        return
    raise Forbidden if "member" not in context.roles else NotFound


def require_booking_reassignable(context: Context, token: Token, link: Link) -> None:
    """Passes managers and the meeting's host. Raises Forbidden, NotFound."""
    require_booking_changeable(context, token, link)
    if "manager" not in context.roles and not is_own(context, token.host_ids[0]):
        raise Forbidden


def require_booking_changeable(context: Context, token: Token, link: Link) -> None:
    """Passes host, co-hosts, the link's owner and managers. Raises Forbidden, NotFound."""
    if token.booked_event is None:
        raise NotFound
    if "manager" in context.roles or is_own(context, *token.host_ids, link.properties.owner_id):
        require_role(context, "member")
        return
    raise Forbidden if not context.roles.isdisjoint({"auditor", "analyst"}) else NotFound

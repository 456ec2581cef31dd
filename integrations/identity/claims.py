"""What the claims of an identity provider mean here: whose address is verified, who may join, with which roles."""

from collections.abc import Collection, Mapping
from typing import Any

from domain.email_addresses import fold_address
from domain.permissions import IMPLIED_ROLES


def read_verified_email(claims: Mapping[str, Any], trust_missing: bool = False) -> str | None:
    """Returns the e-mail address that the provider has verified, or None.

    `email_verified` has to be exactly true; with `trust_missing` it may be missing, as at Microsoft Entra.
    """
    email, verified = claims.get("email"), claims.get("email_verified")
    if verified is None and trust_missing:
        verified = True
    return email if isinstance(email, str) and email and verified is True else None


def is_join_allowed(email: str, domains: Collection[str]) -> bool:
    """Whether somebody with this address may become a person of the organisation: the domain is on the list itself."""
    return fold_address(email).rpartition("@")[2] in {fold_address(domain) for domain in domains}


def read_roles(claims: Mapping[str, Any], path: str) -> list[str] | None:
    """Returns the roles of a claim, or None where it is missing: then they stay as they are.

    `path` is the claim's name, or names with dots between them for claims inside of others, such as
    `realm_access.roles`. What is no role of ours is left out; without any, somebody is a member.
    """
    value = find_claim(claims, path)
    if value is None:
        return None
    values = {value} if isinstance(value, str) else {item for item in value if isinstance(item, str)}
    return [role for role in IMPLIED_ROLES if role in values] or ["member"]


def find_claim(claims: Mapping[str, Any], path: str) -> str | list[Any] | None:
    """Returns a text or list by its name, or by the names on the way to it; None for anything else."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str | list) else None


def read_name(claims: Mapping[str, Any], email: str) -> str:
    """Returns the name of somebody who joins: as the provider says it, else the first part of their address."""
    parts = [claims.get(name) for name in ("given_name", "family_name")]
    full_name = " ".join(part for part in parts if isinstance(part, str))
    name = claims.get("name")
    candidates = [name if isinstance(name, str) else "", full_name, email.partition("@")[0]]
    return next(candidate for text in candidates if (candidate := " ".join(text.split())))[:200]

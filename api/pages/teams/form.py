"""The form of a team: its name, and people to tick, each with a weight and a priority."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from api.http.form_body import SubmittedForm
from api.pages.links.form import split_ids
from api.pages.rendering.forms import InvalidForm
from domain.refusals import Invalid
from domain.team import MAX_MEMBERS, MAX_PRIORITY, MAX_WEIGHT, TeamProperties

NOBODY_CHOSEN = "Choose at least one person."
WEIGHT_RULE = f"A whole number from 1 to {MAX_WEIGHT}."
PRIORITY_RULE = f"A whole number from 0 to {MAX_PRIORITY}."


@dataclass(frozen=True)
class TeamForm:
    """A team as typed: who is ticked, and what stands beside each person, ticked or not."""

    name: str = ""
    member_ids: Sequence[UUID] = ()
    weights: Mapping[UUID, str] = field(default_factory=dict)
    priorities: Mapping[UUID, str] = field(default_factory=dict)
    who: str = ""
    version: str = ""
    key: str = ""

    @classmethod
    def from_pairs(cls, pairs: Sequence[tuple[str, str]]) -> "TeamForm":
        """Create the form from fields that were sent. Raises Invalid, HTTPException."""
        form = SubmittedForm(pairs)
        return cls(
            name=form.get_value("name"),
            member_ids=parse_ids(form.list_values("member_ids")),
            weights=parse_numbers_beside_people(pairs, "weight"),
            priorities=parse_numbers_beside_people(pairs, "priority"),
            who=form.get_value("who").strip()[:200],
            version=form.get_value("version").strip(),
            key=form.get_value("key").strip(),
        )

    @classmethod
    def from_properties(cls, properties: TeamProperties, version: int) -> "TeamForm":
        """Create the form of a team as it is."""
        return cls(
            name=properties.name,
            member_ids=[member.person_id for member in properties.members],
            weights={member.person_id: str(member.weight) for member in properties.members},
            priorities={member.person_id: str(member.priority) for member in properties.members},
            version=str(version),
        )

    def to_values(self) -> dict[str, Any]:
        """Return the team as the JSON API takes it. Raises InvalidForm, which names the field beside a person."""
        errors = {} if self.member_ids else {"member_ids": NOBODY_CHOSEN}
        if len(self.member_ids) > MAX_MEMBERS:
            errors["member_ids"] = f"A team has at most {MAX_MEMBERS} members."
        members = [self.build_member(id, errors) for id in self.member_ids]
        if errors:
            raise InvalidForm(errors)
        return {"name": self.name, "members": members}

    def build_member(self, id: UUID, errors: dict[str, str]) -> dict[str, Any]:
        """Return a member; adds to `errors` what is no number of the range."""
        weight = parse_number(self.weights.get(id, "1") or "1", 1, MAX_WEIGHT)
        priority = parse_number(self.priorities.get(id, "0") or "0", 0, MAX_PRIORITY)
        if weight is None:
            errors[f"weight_{id}"] = WEIGHT_RULE
        if priority is None:
            errors[f"priority_{id}"] = PRIORITY_RULE
        return {"person_id": id, "weight": weight, "priority": priority}


def parse_ids(texts: list[str]) -> list[UUID]:
    """Return the ids in texts, each once. Raises Invalid."""
    try:
        return [UUID(text) for text in split_ids(texts)]
    except ValueError:
        raise Invalid("member_ids", "There is no such person.") from None


def parse_numbers_beside_people(pairs: Sequence[tuple[str, str]], name: str) -> dict[UUID, str]:
    """Return the texts of the fields `name_ID`, by id; a field without an id is left out."""
    texts: dict[UUID, str] = {}
    for field_name, text in pairs:
        prefix, _, id = field_name.partition("_")
        if prefix == name:
            try:
                texts[UUID(id)] = text.strip()[:9]
            except ValueError:
                continue
    return texts


def parse_number(text: str, lowest: int, highest: int) -> int | None:
    """Return a whole number of a range; None for anything else."""
    is_number = text.isascii() and text.isdecimal()
    return int(text) if is_number and lowest <= int(text) <= highest else None

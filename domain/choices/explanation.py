"""Why a member of a team was chosen: a sentence for each candidate."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from uuid import UUID

from domain.member_choice import Candidate, MemberChoice
from domain.text_direction import isolate_text

UNKNOWN_NAME = "somebody"


def explain_choice(choice: MemberChoice, names: Mapping[UUID, str]) -> list[str]:
    """Returns a sentence for each candidate, in their order; `names` are those of the candidates."""
    [chosen] = (one for one in choice.candidates if one.person_id == choice.person_id)
    return [explain_candidate(candidate, chosen, choice.candidates, names) for candidate in choice.candidates]


def explain_candidate(
    candidate: Candidate, chosen: Candidate, candidates: Sequence[Candidate], names: Mapping[UUID, str]
) -> str:
    """Returns the sentence of one candidate: what they had, and why they were chosen or not."""
    name, chosen_name = (isolate_text(names.get(one.person_id) or UNKNOWN_NAME) for one in (candidate, chosen))
    meetings = "1 meeting" if candidate.count == 1 else f"{candidate.count} meetings"
    share = f"{name}: {meetings} this month, weight {candidate.weight}, a share of {format_share(candidate)}"
    if candidate is chosen:
        return f"{share}; chosen, {explain_chosen(chosen, [one for one in candidates if one is not chosen])}."
    if compute_share(candidate) > compute_share(chosen):
        return f"{share}; more than {chosen_name}."
    if candidate.priority < chosen.priority:
        return f"{share}; as {chosen_name}, but with priority {candidate.priority} below {chosen.priority}."
    return f"{share}; as {chosen_name}, who had waited longer."


def explain_chosen(chosen: Candidate, others: Sequence[Candidate]) -> str:
    """Returns why the chosen candidate came before the others."""
    equals = [one for one in others if compute_share(one) == compute_share(chosen)]
    if not others:
        return "as nobody else was free"
    if not equals:
        return "as the smallest share"
    if all(one.priority < chosen.priority for one in equals):
        return "as the highest priority of the smallest shares"
    return "as who had waited longest of the smallest shares"


def compute_share(candidate: Candidate) -> Fraction:
    """Returns the count divided by the weight."""
    return Fraction(candidate.count, candidate.weight)


def format_share(candidate: Candidate) -> str:
    """Returns the share with at most two decimals."""
    return f"{float(compute_share(candidate)):.2f}".rstrip("0").rstrip(".")

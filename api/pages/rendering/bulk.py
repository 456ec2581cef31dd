"""Bulk actions of pages: one command for each thing that was selected, and a sentence about what became of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from api.http.form_body import SubmittedForm
from api.services import Services
from api.v1.request_bodies import MAX_BULK_IDS
from domain.refusals import Invalid, Refusal


@dataclass
class BulkOutcome:
    """How many things were done, the sentences of refusals with their counts, and the last position of the log."""

    done_count: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    position: int | None = None

    def describe(self, verb: str, noun: str) -> str:
        """Return `Revoked 3 single-use links. 1 was left: …` for a verb and the plural of what was selected."""
        subject = noun.removesuffix("s") if self.done_count == 1 else noun
        sentences = [f"{verb} {self.done_count or 'no'} {subject}."]
        for sentence, count in self.refusals.items():
            sentences.append(f"{count} {'was' if count == 1 else 'were'} left as before: {sentence}")
        return " ".join(sentences)


def parse_selected_ids(form: SubmittedForm) -> list[UUID]:
    """Return the ids that are ticked in a form, each once. Raises Invalid for more than the API takes, or for no id."""
    texts = list(dict.fromkeys(form.list_values("ids")))
    if len(texts) > MAX_BULK_IDS:
        raise Invalid("ids", f"At most {MAX_BULK_IDS} at once.")
    try:
        return [UUID(text) for text in texts]
    except ValueError:
        raise Invalid("ids", "This is not an id.") from None


def run_bulk(services: Services, ids: Sequence[UUID], command: Callable[[UUID], int | None]) -> BulkOutcome:
    """Run a command on each id; one that is refused does not stop the others."""
    outcome = BulkOutcome()
    for id in ids:
        try:
            outcome.position = command(id) or outcome.position
            outcome.done_count += 1
        except Refusal as refusal:
            outcome.refusals[refusal.message if isinstance(refusal, Invalid) else refusal.sentence] += 1
    if outcome.position is not None:
        services.announce_append()
    return outcome

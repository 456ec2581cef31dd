"""Which steps of the first day people have done: a plain table."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

from store.database import Database

OnboardingStep = Literal["zone", "hours", "calendar", "preview", "finished"]

SELECT_STEPS = "SELECT step FROM {schema}.onboarding_steps WHERE person_id = %s"
INSERT_STEPS = """
INSERT INTO {schema}.onboarding_steps (person_id, step, done_at)
SELECT %(person)s, step, %(now)s FROM unnest(%(steps)s::text[]) AS step ON CONFLICT DO NOTHING RETURNING step
"""


class Onboarding:
    """Stores done steps. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def list_done_steps(self, person_id: UUID) -> set[str]:
        """Returns the steps that a person has done; with `finished`, there is nothing left to show."""
        return {row["step"] for row in self.database.fetch_rows(SELECT_STEPS, (person_id,))}

    def mark_done(self, person_id: UUID, steps: Iterable[OnboardingStep], now: datetime) -> None:
        """Marks steps as done. Marking a step again changes nothing."""
        self.database.fetch_rows(INSERT_STEPS, {"person": person_id, "steps": list(steps), "now": now})

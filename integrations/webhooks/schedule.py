"""What an answer means for an endpoint: go on, try again, or end it (Standard Webhooks, "Deliverability")."""

from datetime import datetime, timedelta

from integrations.webhooks.sending import Answer
from store.webhooks import Outcome

# after the first attempt; the standard's example
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 5 * 3_600, 10 * 3_600, 14 * 3_600, 20 * 3_600, 24 * 3_600)
)
GONE = 410
SLOWING = (429, 503)


def judge_answer(answer: Answer, position: int, cursor: int, attempts: int, now: datetime) -> Outcome:
    """Judge the answer to one more attempt at the event of a position, after `attempts` that failed.

    A success moves the cursor to the event. 410 ends the endpoint, and so does the last attempt of the schedule.
    """
    if answer.is_success:
        return Outcome(position, 0, now)
    problem = answer.reason if answer.status is None else f"{answer.reason} {answer.status}"
    if answer.status == GONE:
        return Outcome(cursor, attempts + 1, now, "gone 410", disabled=True)
    if attempts >= len(PAUSES):
        return Outcome(cursor, attempts + 1, now, problem, disabled=True)
    pause = PAUSES[attempts]
    if answer.status in SLOWING:
        pause = max(pause, timedelta(seconds=answer.retry_after))
    return Outcome(cursor, attempts + 1, now + pause, problem)

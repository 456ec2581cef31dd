"""Shared answers: the same one while nothing is written, and a new one after any commit, a second or an end."""

from datetime import UTC, datetime, timedelta

import pytest

from store.database import Database
from store.shared_answers import Answer, SharedAnswers
from tests.waiting import wait_until

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Counter:
    """Answers with how often it was asked."""

    def __init__(self, valid_until: datetime | None = None, size: int = 1) -> None:
        self.number = 0
        self.valid_until = valid_until
        self.size = size

    def __call__(self) -> Answer:
        """The next number."""
        self.number += 1
        return Answer(f"{self.number:0{self.size}}".encode(), self.valid_until)


@pytest.fixture
def answers(database: Database) -> SharedAnswers:
    """Shared answers of a schema."""
    return SharedAnswers(database, max_bytes=100)


def is_shared(answers: SharedAnswers, first_now: datetime, later_now: datetime, counter: Counter) -> bool:
    """Whether a later question gets the answer of the one before.

    Other tests write to the same server, after which no answer is shared: so it is asked until nothing was written.
    """
    before = answers.get_or_compute("question", first_now, counter)
    return answers.get_or_compute("question", later_now, counter) == before


def test_an_answer_is_shared_within_a_second(answers: SharedAnswers) -> None:
    counter = Counter()
    inside = NOON + timedelta(milliseconds=1)
    wait_until(lambda: is_shared(answers, inside, inside + timedelta(milliseconds=900), counter), "it is shared")


@pytest.mark.parametrize("first_milliseconds", [0, 1])
def test_not_beyond_a_whole_second(answers: SharedAnswers, first_milliseconds: int) -> None:
    first_now = NOON + timedelta(milliseconds=first_milliseconds)
    counter = Counter()
    for later_milliseconds in (1, 1000, 1001):
        if later_milliseconds != first_milliseconds:
            later_now = NOON + timedelta(milliseconds=later_milliseconds)
            assert not is_shared(answers, first_now, later_now, counter)


def test_not_beyond_its_end(answers: SharedAnswers) -> None:
    first_now, end = NOON + timedelta(milliseconds=1), NOON + timedelta(milliseconds=2)
    assert not is_shared(answers, first_now, end, Counter(end))
    wait_until(lambda: is_shared(answers, first_now, first_now, Counter(end)), "it is shared until then")


def test_any_commit_ends_it_and_so_does_one_that_began_before(answers: SharedAnswers, database: Database) -> None:
    def compute_during_commit() -> Answer:
        database.fetch_rows("SELECT pg_current_xact_id()::text")
        return Answer(b"of before")

    assert answers.get_or_compute("question", NOON, compute_during_commit) == b"of before"
    assert answers.get_or_compute("question", NOON, Counter()) == b"1"
    with database.connect(autocommit=False) as writer:
        writer.execute("SELECT pg_current_xact_id()")
        answers.get_or_compute("other question", NOON, Counter())
        writer.commit()
    assert answers.get_or_compute("other question", NOON, lambda: Answer(b"of now")) == b"of now"


def test_a_failure_is_not_shared(answers: SharedAnswers) -> None:
    def fail() -> Answer:
        raise LookupError

    with pytest.raises(LookupError):
        answers.get_or_compute("question", NOON, fail)
    assert answers.get_or_compute("question", NOON, Counter()) == b"1"


def test_memory_is_bounded(answers: SharedAnswers) -> None:
    for number in range(50):
        answers.get_or_compute(number, NOON, Counter(size=30))
    assert answers.size == sum(len(answer.content) for answer in answers.answers.values()) == 90
    answers.get_or_compute("huge", NOON, Counter(size=1000))
    assert (answers.size, len(answers.answers)) == (0, 0)

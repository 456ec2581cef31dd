"""A log that grows while it is verified: bookings, moves, cancellations, edits and seals are no problem."""

import threading

from replay.tree.checkpoint import opened, take
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import Signer
from replay.verify.verification import verify
from tests.api_driver import House, code_of
from tests.conftest import SECRET

SIGNER = Signer.derived("meet.example/oncelink", SECRET)
FEWEST = 60


def test_nothing_is_found_while_everything_moves(house: House) -> None:
    link, database = house.link("Busy"), house.oncelink.database
    starts = house.slots("busy")
    over, failures = threading.Event(), []

    def guest(number: int) -> None:
        """Books, moves, and cancels in its own corner of the calendar, which others then take."""
        mine = starts[number::4]
        turn = 0
        try:
            while not over.is_set():
                first, second = mine[turn % 10], mine[turn % 10 + 12]
                made = house.book("busy", first)
                code = code_of(made["manage_url"])
                house.post(f"/v1/manage/{code}/reschedule", {"start": second})
                house.post(f"/v1/manage/{code}/cancel", {"reason": "Later"})
                house.patch(f"/v1/links/{link['id']}", {"name": f"Busy {number} {turn}"}, "member")
                turn += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guest, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    reports = []
    try:
        while not failures and (len(reports) < 6 or reports[-1].checked_events < FEWEST):
            saved = opened(take(SealedTree(database), SIGNER).encode(), [SIGNER.verifier])
            reports.append(verify(database, saved))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert [problem for report in reports for problem in report.problems] == []
    assert {rows for report in reports for rows in report.read_models.values()} == {0}
    assert reports[-1].checked_events > reports[0].checked_events

"""A log that grows while it is verified: bookings, moves, cancellations, edits and seals are no problem."""

import threading

from replay.tree.checkpoint import read_checkpoints, sign_checkpoint
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import Signer
from replay.verify.verification import run_verification
from tests.api_driver import ApiDriver, extract_code
from tests.conftest import SECRET

SIGNER = Signer.from_secret("meet.example/oncelink", SECRET)
MIN_TURNS = 60


def test_nothing_is_found_while_everything_moves(api: ApiDriver) -> None:
    link, database = api.create_link("Busy"), api.services.database
    starts = api.list_slots("busy")
    stop, failures = threading.Event(), []

    def run_guest(number: int) -> None:
        """Book, move and cancel in one corner of the calendar, which others then take."""
        own_starts = starts[number::4]
        turn = 0
        try:
            while not stop.is_set():
                first, second = own_starts[turn % 10], own_starts[turn % 10 + 12]
                booking = api.book_meeting("busy", first)
                code = extract_code(booking["manage_url"])
                api.post(f"/v1/manage/{code}/reschedule", {"start": second})
                api.post(f"/v1/manage/{code}/cancel", {"reason": "Later"})
                api.patch(f"/v1/links/{link['id']}", {"name": f"Busy {number} {turn}"}, "member")
                turn += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run_guest, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    reports = []
    try:
        while not failures and (len(reports) < 6 or reports[-1].checked_events < MIN_TURNS):
            checkpoints = read_checkpoints(sign_checkpoint(SealedTree(database), SIGNER).encode(), [SIGNER.verifier])
            reports.append(run_verification(database, checkpoints))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert [problem for report in reports for problem in report.problems] == []
    assert {rows for report in reports for rows in report.read_models.values()} == {0}
    assert reports[-1].checked_events > reports[0].checked_events

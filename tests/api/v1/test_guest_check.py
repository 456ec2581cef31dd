"""A proof of work or a mailed code before a booking on a core link counts, by the API and on the page."""

import json
import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from altcha import Challenge, Payload, solve_challenge
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings, WrongSetting, read_settings
from domain.email_addresses import fold_mailbox
from tests.api.refusals import assert_problem, find_last_position
from tests.api.scriptless_browser import Page, ScriptlessBrowser
from tests.api_driver import GUEST, ApiDriver
from tests.integrations.mail.smtp_server import SmtpServer, get_part, run_smtp_server
from tests.movable_clock import MovableClock
from tests.once.guests import run_concurrently


@contextmanager
def run_api(settings: Settings, organisation: ApiDriver, **overrides: object) -> Iterator[ApiDriver]:
    """Run a service with these settings, and its core link `intro`."""
    app = build_app(settings.model_copy(update=overrides), clock=MovableClock())
    with TestClient(app, raise_server_exceptions=False) as client:
        api = ApiDriver(client, dict(organisation.keys), dict(organisation.ids))
        api.create_link("Intro", slug="intro")
        yield api


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """A mail server."""
    with run_smtp_server() as server:
        yield server


@pytest.fixture
def mail_settings(settings: Settings, smtp_server: SmtpServer) -> Settings:
    """Settings of a service that can mail."""
    return settings.model_copy(update=smtp_server.settings)


def book(api: ApiDriver, start: str, key: str | None = None, **fields: Any) -> httpx2.Response:
    """Book on the core link, with what it asks for."""
    headers = {"Idempotency_Key": key} if key else {}
    return api.send_request("POST", "/v1/book/intro", {"start": start, "guest": GUEST, **fields}, **headers)


def compute_proof(api: ApiDriver, path: str = "/v1/book/intro/challenge") -> str:
    """Get a challenge and solve it."""
    challenge = Challenge.from_dict(api.get(path))
    solution = solve_challenge(challenge)
    assert solution
    return Payload(challenge, solution).to_base64()


def find_codes(server: SmtpServer) -> list[str]:
    """Find the codes in the mails that a server has, the oldest first."""
    return [re.findall(r"Code: (\d{6})", get_part(message, "text/plain"))[0] for message in server.messages]


def test_nothing_is_asked_for_unless_it_is_set(shared_api: ApiDriver) -> None:
    shared_api.create_link("Plain", slug="plain")
    assert shared_api.get("/v1/book/plain")["guest_check"] == "none"
    assert Settings.model_fields["guest_check"].default == "none"


def test_codes_are_not_promised_without_a_mail_server() -> None:
    with pytest.raises(WrongSetting, match="ONCELINK_GUEST_CHECK: mailed_code needs a mail server"):
        read_settings(guest_check="mailed_code")


@pytest.mark.parametrize(
    "address", ["Ada@Guest.Example", "ada+x@guest.example", "a+b+c@x.example", "ａda＋ｘ@x.example", '"a+b"@x.example']
)
def test_a_mailbox_is_the_same_in_both_places(api: ApiDriver, address: str) -> None:
    [row] = api.services.database.fetch_rows(
        "SELECT {schema}.mailbox_of(%s::jsonb) AS mailbox", (json.dumps({"guest": {"email": address}}),)
    )
    assert row["mailbox"] == fold_mailbox(address)


class TestProofOfWork:
    """guest_check: proof_of_work"""

    @pytest.fixture
    def api(self, settings: Settings, organisation: ApiDriver) -> Iterator[ApiDriver]:
        """A service that asks for a proof of work, and cannot mail."""
        with run_api(settings, organisation, guest_check="proof_of_work") as api:
            yield api

    def test_books_once(self, api: ApiDriver) -> None:
        starts, position_before = api.list_slots("intro"), find_last_position(api)
        assert api.get("/v1/book/intro")["guest_check"] == "proof_of_work"
        body = assert_problem(book(api, starts[0]), 422, "proof_of_work_required")
        assert body["errors"][0]["field"] == "proof_of_work"
        assert find_last_position(api) == position_before
        proof = compute_proof(api)
        first = book(api, starts[0], "k" * 32, proof_of_work=proof)
        assert first.status_code == 201
        for other in ({"proof_of_work": proof}, {"proof_of_work": compute_proof(api)}, {}):  # a retry needs no work
            again = book(api, starts[0], "k" * 32, **other)
            assert (again.status_code, again.json()) == (201, first.json())
        assert_problem(book(api, starts[1], proof_of_work=proof), 422, "proof_of_work_required")

    def test_is_not_spent_by_what_was_refused(self, api: ApiDriver) -> None:
        proof, starts = compute_proof(api), api.list_slots("intro")
        api.book_meeting(api.create_codes(api.create_link("Other"))[0], starts[0])  # asks for nothing
        assert_problem(book(api, starts[0], proof_of_work=proof), 409, "slot_taken")
        calls = [lambda start=start: book(api, start, proof_of_work=proof).status_code for start in starts[1:5]]
        assert sorted(run_concurrently(calls)) == [201, 422, 422, 422]

    def test_is_for_its_link_and_time(self, api: ApiDriver) -> None:
        starts = api.list_slots("intro")
        api.create_link("Other", slug="other")
        for wrong in (compute_proof(api, "/v1/book/other/challenge"), "x", b64encode(b"null").decode()):
            assert_problem(book(api, starts[0], proof_of_work=wrong), 422, "proof_of_work_required")
        proof = compute_proof(api)
        forged = json.loads(b64decode(proof)) | {"solution": {"counter": 1, "derivedKey": "00" * 32}}
        for wrong in (b64encode(json.dumps(forged).encode()).decode(), "A" * 4000):
            assert_problem(book(api, starts[0], proof_of_work=wrong), 422, "proof_of_work_required")
        api.clock.advance(minutes=10)
        assert_problem(book(api, starts[0], proof_of_work=proof), 422, "proof_of_work_required")

    def test_is_never_asked_for_on_a_single_use_link(self, api: ApiDriver) -> None:
        [code] = api.create_codes(api.create_link("Other"))
        assert api.get(f"/v1/book/{code}")["guest_check"] == "none"
        assert_problem(api.send_request("GET", f"/v1/book/{code}/challenge"), 404, "link_not_found")
        assert "data-challenge" not in api.client.get(f"/s/{code}").text

    def test_says_what_to_do_without_scripts_and_mail(self, api: ApiDriver) -> None:
        page = submit_details(ScriptlessBrowser(api.client))
        assert page.status == 422
        assert "needs JavaScript" in page.text
        assert page.form.fields["email"] == GUEST["email"]


def submit_details(browser: ScriptlessBrowser, **fields: str) -> Page:
    """Choose a time on the core link's page, fill in the details and submit them."""
    form = browser.choose_time("/book/intro", 0).form
    form.fields |= {"name": "Grace", "email": GUEST["email"], "notes": "About “everything”", **fields}
    return browser.submit_form(form)


class TestMailedCodes:
    """guest_check: mailed_code"""

    @pytest.fixture
    def api(self, mail_settings: Settings, organisation: ApiDriver) -> Iterator[ApiDriver]:
        """A service that asks for a mailed code."""
        with run_api(mail_settings, organisation, guest_check="mailed_code", guest_code_quota=3) as api:
            yield api

    def request_code(self, api: ApiDriver, email: str = GUEST["email"], code: str = "intro") -> httpx2.Response:
        """Request a code."""
        return api.send_request("POST", f"/v1/book/{code}/mailed-code", {"email": email})

    def test_books_once(
        self, api: ApiDriver, smtp_server: SmtpServer, caplog: pytest.LogCaptureFixture, capfd: Any
    ) -> None:
        caplog.set_level(logging.DEBUG)
        starts = api.list_slots("intro")
        body = assert_problem(book(api, starts[0]), 422, "mailed_code_required")
        assert body["errors"][0]["field"] == "mailed_code"
        assert smtp_server.messages == []
        position_before = find_last_position(api)
        assert self.request_code(api).status_code == 204
        [code] = find_codes(smtp_server)
        assert code not in smtp_server.messages[0]["Subject"]
        assert find_last_position(api) == position_before  # nothing is booked, and nobody else gets a mail
        assert starts[0] in api.list_slots("intro")
        wrong_code = f"{(int(code) + 1) % 10**6:06}"
        assert_problem(book(api, starts[0], mailed_code=wrong_code), 422, "mailed_code_wrong")
        first = book(api, starts[0], "k" * 32, mailed_code=code)
        assert first.status_code == 201
        assert book(api, starts[0], "k" * 32).json() == first.json()
        assert_problem(book(api, starts[1], mailed_code=code), 422, "mailed_code_wrong")
        own_lines = [record.getMessage() for record in caplog.records if record.name != "mail.log"]  # the mail server's
        assert own_lines
        assert code not in "".join([*own_lines, *capfd.readouterr()])
        rows = api.services.database.fetch_rows("SELECT mailbox, code FROM {schema}.mailed_codes")
        assert all(code.encode() not in row["code"] and b"grace" not in row["mailbox"] for row in rows)

    def test_are_for_one_address_and_link_and_the_latest_holds(self, api: ApiDriver, smtp_server: SmtpServer) -> None:
        starts = api.list_slots("intro")
        self.request_code(api)
        self.request_code(api)  # a form that was sent twice
        assert len(smtp_server.messages) == 1
        api.clock.advance(minutes=1)
        self.request_code(api)
        old, code = find_codes(smtp_server)
        other = GUEST | {"email": "other@guest.example"}
        assert_problem(book(api, starts[0], mailed_code=code, guest=other), 422, "mailed_code_wrong")
        if old != code:
            assert_problem(book(api, starts[0], mailed_code=old), 422, "mailed_code_wrong")
        assert book(api, starts[0], mailed_code=code).status_code == 201

    def test_end_after_some_minutes_and_some_guesses(self, api: ApiDriver, smtp_server: SmtpServer) -> None:
        starts = api.list_slots("intro")
        self.request_code(api)
        [code] = find_codes(smtp_server)
        guesses = [f"{(int(code) + n) % 10**6:06}" for n in range(1, 6)]
        for guess in guesses:
            assert_problem(book(api, starts[0], mailed_code=guess), 422, "mailed_code_wrong")
        assert_problem(book(api, starts[0], mailed_code=code), 422, "mailed_code_wrong")
        api.clock.advance(minutes=1)
        self.request_code(api)
        code = find_codes(smtp_server)[-1]
        for guess in guesses[:4]:
            if guess != code:
                book(api, starts[0], mailed_code=guess)
        api.clock.advance(minutes=15)
        assert_problem(book(api, starts[0], mailed_code=code), 422, "mailed_code_wrong")

    def test_are_no_more_than_the_quota(self, api: ApiDriver, smtp_server: SmtpServer) -> None:
        for email in (GUEST["email"], "grace+1@guest.example", GUEST["email"].upper()):
            assert self.request_code(api, email).status_code == 204
            api.clock.advance(minutes=1)
        refused = self.request_code(api)
        assert_problem(refused, 429, "too_many_requests")
        assert refused.headers["ratelimit"].startswith('"codes";r=0;t=')
        assert len(smtp_server.messages) == 3
        api.clock.advance(days=1)
        assert self.request_code(api).status_code == 204
        api.services.mailed_codes.delete_old(api.clock())
        assert len(api.services.database.fetch_rows("SELECT 1 FROM {schema}.mailed_codes")) == 1

    def test_are_mailed_for_nothing_else(self, api: ApiDriver, smtp_server: SmtpServer) -> None:
        [code] = api.create_codes(api.create_link("Other"))
        assert self.request_code(api, code=code).status_code == 204
        assert_problem(self.request_code(api, code="unknown"), 404, "link_not_found")
        assert smtp_server.messages == []
        assert api.book_meeting(code, api.list_slots(code)[0])

    @pytest.mark.parametrize("kind", ["mailed_code", "proof_of_work"])
    def test_are_entered_on_the_page_without_scripts(
        self, mail_settings: Settings, organisation: ApiDriver, smtp_server: SmtpServer, kind: str
    ) -> None:
        with run_api(mail_settings, organisation, guest_check=kind) as api:
            browser = ScriptlessBrowser(api.client)
            position_before = find_last_position(api)
            code_page = submit_details(browser)
            assert (code_page.status, code_page.form.fields["mailed_code"]) == (200, "")
            assert "We have mailed a code" in code_page.text
            assert code_page.form.fields["notes"] == "About “everything”"
            for entered, sentence in (
                ("", "Please fill this in."),
                ("12345", "A code has six digits."),
                (f"{(int(find_codes(smtp_server)[0]) + 1) % 10**6:06}", "not the code that we mailed last"),
            ):
                code_page.form.fields["mailed_code"] = entered
                code_page = browser.submit_form(code_page.form)
                assert (code_page.status, code_page.form.fields["mailed_code"]) == (422, entered)
                assert sentence in code_page.text
            assert len(smtp_server.messages) == 1
            api.clock.advance(minutes=1)
            code_page.form.fields["another_code"] = "1"
            code_page = browser.submit_form(code_page.form)
            assert (code_page.status, code_page.form.fields["mailed_code"]) == (200, "")
            assert find_last_position(api) == position_before
            code = find_codes(smtp_server)[-1]
            code_page.form.fields["mailed_code"] = f"{code[:3]} {code[3:]}"
            booked = browser.submit_form(code_page.form)
            assert booked.path.startswith("/m/")

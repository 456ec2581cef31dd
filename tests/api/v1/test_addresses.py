"""An e-mail address is the same however it is typed: of people, guests and recipients, wherever one is taken."""

import unicodedata
from typing import Any

import psycopg
import pytest
from psycopg import sql

from api.cli.people import NoSuchPerson, find_person_id
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, fetch_list
from tests.api_driver import GUEST, ApiDriver

ADDRESS = "josé@bücher.example"
TYPED = [
    "josé@xn--bcher-kva.example",
    "JOSÉ@BÜCHER.EXAMPLE",
    unicodedata.normalize("NFD", ADDRESS),
    "ｊｏｓé＠ｂüｃｈｅｒ．ｅｘａｍｐｌｅ",
    "josé@bücher。example",
    " jo\u200bsé@bü\u00adcher.example\ufeff ",
    "\u202ajosé@XN--BCHER-KVA.example\u202c",
]
OTHERS = ["jose@bücher.example", "josé@bucher.example", "josé@buecher.example", "a@faß.example", "a@fass.example"]

AS_BEFORE = """
UPDATE {schema}.personal_details SET data = jsonb_set(data, ARRAY['recipient', 'email'], to_jsonb(%s::text))
WHERE data -> 'recipient' ->> 'email' = %s
"""


def to_sql(api: ApiDriver, query: Any) -> sql.Composed:
    """Convert a query to SQL on the schema of a service."""
    return sql.SQL(query).format(schema=sql.Identifier(api.services.settings.db_schema))


@pytest.fixture(scope="module")
def jose(shared_api: ApiDriver) -> Any:
    """A person with letters beyond ASCII on both sides of the sign."""
    body = {"name": "José", "email": "José@xn--bcher-kva.example", "time_zone": "UTC"}
    return shared_api.post("/v1/people", body, "admin", 201)


class TestPeople:
    """One person for one address."""

    @pytest.mark.parametrize("typed", TYPED)
    def test_nobody_else_has_it(self, shared_api: ApiDriver, jose: Any, typed: str) -> None:
        assert jose["email"] == "José@bücher.example"
        body = {"name": "Second", "email": typed, "time_zone": "UTC"}
        assert_problem(shared_api.send_request("POST", "/v1/people", body, "admin"), 409, "email_taken")
        assert str(find_person_id(shared_api.services, typed)) == jose["id"]  # the command line

    @pytest.mark.parametrize("other", OTHERS)
    def test_another_address_is_another(self, shared_api: ApiDriver, jose: Any, other: str) -> None:
        with pytest.raises(NoSuchPerson):
            find_person_id(shared_api.services, other)
        body = {"name": "Another", "email": other, "time_zone": "UTC"}
        assert shared_api.post("/v1/people", body, "admin", 201)["email"] == other

    @pytest.mark.parametrize("typed", TYPED[1:3])
    def test_signs_in_with_it(
        self, shared_api: ApiDriver, jose: Any, typed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[Any] = []
        monkeypatch.setattr(shared_api.services.settings, "smtp_url", "smtp://127.0.0.1:9")
        monkeypatch.setattr(type(shared_api.services.sign_in_mailer), "send", lambda _, message: sent.append(message))
        page = PageClient(shared_api).post("/sign-in", {"email": typed})
        assert page.status_code == 200
        assert [message.to_email for message in sent] == ["José@bücher.example"]

    def test_a_change_of_its_case_ends_no_sign_in_link(self, shared_api: ApiDriver) -> None:
        shared_api.add_person("cased", ["member"])
        code = shared_api.services.api_keys.create_sign_in_code
        id = find_person_id(shared_api.services, "cased@nexora.example")
        path = f"/sign-in/{code(id, shared_api.services.clock())}"
        shared_api.patch(f"/v1/people/{id}", {"email": "Cased@Nexora.example"}, "admin")
        assert PageClient(shared_api).get(path).status_code == 200


class TestGuests:
    """A guest's or recipient's address, stored in whatever form, is erased by any."""

    def test_erased_in_every_form(self, shared_api: ApiDriver, superuser_url: str) -> None:
        api = shared_api
        link = api.create_link("Typed", slug="typed-addresses")
        starts = iter(api.list_slots("typed-addresses"))
        for typed in TYPED:
            body = {"start": next(starts), "guest": GUEST | {"email": typed}}
            assert api.post("/v1/book/typed-addresses", body, None, 201)["booking"]["guest"]["email"].lower() == ADDRESS
        recipients = {"recipients": [{"email": typed} for typed in TYPED]}
        api.post(f"/v1/links/{link['id']}/single-use", recipients, "member", 201)
        other = {"start": next(starts), "guest": GUEST | {"email": "jose@bücher.example"}}
        api.post("/v1/book/typed-addresses", other, None, 201)
        # a row from before addresses were normalised
        row = (f"{TYPED[3].partition('＠')[0]}@bücher.example", ADDRESS)
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            assert connection.execute(to_sql(api, AS_BEFORE), row).rowcount == len(TYPED) - 1  # the other in capitals
        erased = api.post("/v1/erasures", {"email": TYPED[0]}, "admin", 201)
        assert erased["details"] == 2 * len(TYPED)
        left = {row["guest"] and row["guest"]["email"] for row in fetch_list(api, "/v1/meeting-log", "admin")["items"]}
        assert left == {None, "jose@bücher.example"}

    def test_a_form_takes_it(self, shared_api: ApiDriver) -> None:
        """Browsers refuse letters beyond ASCII before the @ in an input of type email."""
        shared_api.create_link("Form", slug="form")
        start = shared_api.list_slots("form")[30]
        for page in (
            shared_api.client.get(f"/book/form?start={start}"),
            PageClient(shared_api).get("/sign-in"),
            PageClient(shared_api, "admin").get("/admin/people/new"),
            PageClient(shared_api, "member").get("/links"),
        ):
            assert 'type="email"' not in page.text
            assert 'inputmode="email"' in page.text
        assert "E-mail" in extract_text(shared_api.client.get(f"/book/form?start={start}"))

"""Text is equal however it was typed: it is found, sorted and counted alike."""

import unicodedata

import pytest

from store.database import Database
from tests.api.refusals import assert_problem, fetch_list
from tests.api_driver import GUEST, ApiDriver

SAME = [
    ("José Ñandú", "jose nandu"),
    ("José", unicodedata.normalize("NFD", "JOSÉ")),
    ("Weißstraße", "WEISSSTRASSE"),
    ("Weissstrasse", "weißstraße"),
    ("İstanbul", "istanbul"),
    ("ISTANBUL", "ıstanbul"),
    ("Ｙａｍａｄａ", "yamada"),
    ("Yamada", "ｙａｍ"),
    ("ガイド", unicodedata.normalize("NFD", "ガイド")),
    ("ｶﾞｲﾄﾞ", "ガイド"),
    ("Søren Łukasz", "soren lukasz"),
    ("Æsop Œuvre", "aesop oeuvre"),
    ("Οδυσσέας", "ΟΔΥΣΣΕΑΣ"),
    ("Ёлкин", "елкин"),
    ("محمد ١٢", "مُحَمَّد 12"),
    ("שלום", "שָׁלוֹם"),
    ("Ha\u200bns Ma\u00adyer", "hans mayer"),
    ("Ana\u00a0Maria\u3000Diaz", "ana maria diaz"),
    ("ﬁnn", "finn"),
]
OTHERS = [("ガイド", "カイト"), ("Ana", "Ania"), ("東京", "京都")]
MATCHES = "SELECT {schema}.words(%s) @@ {schema}.word_prefixes(%s) AS found"


class TestSearch:
    """Words of a text, whatever the case, accents, width and composition."""

    @pytest.mark.parametrize(("text", "typed"), SAME)
    def test_finds_what_is_equal(self, database: Database, text: str, typed: str) -> None:
        assert database.fetch_rows(MATCHES, (text, typed)) == [{"found": True}]

    @pytest.mark.parametrize(("text", "typed"), OTHERS)
    def test_finds_nothing_else(self, database: Database, text: str, typed: str) -> None:
        assert database.fetch_rows(MATCHES, (text, typed)) == [{"found": False}]

    def test_of_every_list(self, shared_api: ApiDriver) -> None:
        api, name = shared_api, "Łódź Café"
        type_id = api.post("/v1/meeting-types", {"name": name, "duration_minutes": 15}, "admin", 201)["id"]
        api.post("/v1/people", {"name": name, "email": "cafe@nexora.example", "time_zone": "UTC"}, "admin", 201)
        link = api.create_link(name, slug="lodz")
        managed = {"name": name, "slug": "team-lodz", "meeting_type_id": type_id, "host_ids": [api.ids["engineer"]]}
        api.post("/v1/managed-links", managed, "manager", 201)
        recipients = {"recipients": [{"name": "Zoë Únder"}]}
        api.post(f"/v1/links/{link['id']}/single-use", recipients, "member", 201)
        guest = GUEST | {"name": unicodedata.normalize("NFD", "Renée Ålund")}
        body = {"start": api.list_slots("lodz")[0], "guest": guest}
        assert api.post("/v1/book/lodz", body, None, 201)["booking"]["guest"]["name"] == "Renée Ålund"
        fetch_list(api, "/v1/meeting-log", "admin")
        for path, typed in [
            *((path, "LODZ cafe") for path in ("people?", "links?view=all&", "managed-links?", "meeting-types?")),
            ("single-use?", "zoe under"),
            ("meeting-log?", "renee alund"),
            ("meeting-log?", "lodz"),
        ]:
            assert api.get(f"/v1/{path}q={typed}", "admin")["items"], path


class TestSorting:
    """By name, without regard to accents and case."""

    def test_beside_the_letter(self, shared_api: ApiDriver) -> None:
        names = ["Sort Élan", "sort eva", "Sort Zoë", "Sort Ødegaard", "Sort Olga", "Sort Eda"]
        for number, name in enumerate(names):
            shared_api.create_link(name, slug=f"sort-{number}")
        fetch_list(shared_api, "/v1/links", "member")
        rows = shared_api.get("/v1/links?q=sort&sort=name&view=mine", "member")["items"]
        assert [row["name"] for row in rows] == [
            "Sort Eda", "Sort Élan", "sort eva", "Sort Ødegaard", "Sort Olga", "Sort Zoë",
        ]  # fmt: skip
        first = shared_api.get("/v1/links?q=sort&sort=name&view=mine&limit=2", "member")
        rest = shared_api.get(f"/v1/links?q=sort&sort=name&view=mine&cursor={first['next_cursor']}", "member")
        assert [row["name"] for row in first["items"] + rest["items"]] == [row["name"] for row in rows]


class TestTaking:
    """What a body's texts become."""

    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            (unicodedata.normalize("NFD", "Zoë Åberg"), "Zoë Åberg"),
            ("\u3000Ana\u00a0\u2003Maria\u200b ", "Ana Maria"),
            ("Ada\ufeff\u00ad Lovelace", "Ada Lovelace"),
            ("👩‍👩‍👧 Family", "👩‍👩‍👧 Family"),
            ("می‌خواهم", "می‌خواهم"),  # a joiner belongs to the word
            (unicodedata.normalize("NFD", "é" * 200), "é" * 200),  # 200 letters, however they are typed
        ],
    )
    def test_of_a_name(self, shared_api: ApiDriver, typed: str, name: str) -> None:
        assert shared_api.create_link(typed)["name"] == name

    @pytest.mark.parametrize("typed", ["\u200b", "\u3164", " \u00a0\u2060", "\u2800\u115f", "\u200d\u0301", "é" * 201])
    def test_refuses_what_nobody_sees(self, shared_api: ApiDriver, typed: str) -> None:
        body = {"name": typed, "meeting_type_id": shared_api.ids["type"]}
        problem = assert_problem(shared_api.send_request("POST", "/v1/links", body, "member"), 422, "invalid")
        assert problem["errors"][0]["field"] == "name"

    @pytest.mark.parametrize(
        ("first", "second"),
        [("Café", unicodedata.normalize("NFD", "Café")), ("a b", "a\u00a0b"), ("key", " key\u200b")],
    )
    def test_keys_of_metadata_never_merge(self, shared_api: ApiDriver, first: str, second: str) -> None:
        """Keys that look the same are refused together: which value would stay?"""
        link = shared_api.create_link("Merge")
        path, body = f"/v1/links/{link['id']}/single-use", {"metadata": {first: "1", second: "2"}}
        problem = assert_problem(shared_api.send_request("POST", path, body, "member"), 422, "invalid")
        [error] = problem["errors"]
        assert error["field"] == "metadata"
        assert f"“{first}” stands more than once" in error["message"]
        [one] = shared_api.post(path, {"metadata": {second: "2", "Key": "1", "kéy": "3"}}, "member", 201)["items"]
        assert one["metadata"] == {first: "2", "Key": "1", "kéy": "3"}  # case and accents tell keys apart

    def test_a_retry_typed_otherwise_is_the_same_request(self, shared_api: ApiDriver) -> None:
        shared_api.create_link("Retry", slug="retry")
        start = shared_api.list_slots("retry")[40]
        answers = []
        for form in ("NFC", "NFD"):
            text = unicodedata.normalize(form, "Renée")
            body = {"start": start, "guest": GUEST | {"name": text}, "notes": text}
            answers.append(shared_api.post("/v1/book/retry", body, None, 201, Idempotency_Key="k" * 32))
        assert answers[0] == answers[1]

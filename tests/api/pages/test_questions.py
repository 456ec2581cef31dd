"""The editor of questions on the page of a meeting type, without scripts."""

from typing import Any

from tests.api.pages.page_client import PageClient, extract_text
from tests.api_driver import ApiDriver

FORM = {"name": "Asks", "duration_minutes": "30", "booking_window_days": "60", "buffer_before_minutes": "0"}
FORM |= {"buffer_after_minutes": "0", "minimum_notice_minutes": "0"}


def build_rows(*rows: tuple[str, str, str, str, str]) -> dict[str, Any]:
    """The fields of rows of label, key, kind, required and options."""
    names = ("label", "key", "kind", "required", "options")
    return {f"question_{name}": list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


COMPANY = ("Your company", "", "short", "true", "")
SIZE = ("Größe des Teams", "", "one_of", "false", "1–10\r\n\r\n more \r\n")
TOPICS = ("Topics", "topic", "many_of", "false", "API\nPrice")


class TestEditor:
    """/admin/meeting-types/{id}"""

    def test_creates_edits_and_tells_where_it_is_wrong(self, shared_api: ApiDriver) -> None:
        client = PageClient(shared_api, "admin")
        fields = {**FORM, **build_rows(COMPANY, SIZE, COMPANY, ("", "", "short", "false", ""))}
        assert client.post("/admin/meeting-types/new", fields).status_code == 303
        shared_api.list_meetings()  # the read models have caught up
        [row] = shared_api.get("/v1/meeting-types?q=asks", "admin")["items"]
        keys = [question["key"] for question in row["questions"]]
        assert keys == ["your_company", "grosse_des_teams", "your_company_2"]
        assert row["questions"][1]["options"] == ["1–10", "more"]
        path = f"/admin/meeting-types/{row['id']}"
        page = client.get(path)
        for value in ('value="grosse_des_teams"', ">1–10\nmore</textarea>", '<option value="true" selected>'):
            assert value in page.text
        wrong = {**FORM, **build_rows(COMPANY, ("Topics", "T!", "many_of", "false", "API"))}
        refused = client.post(path, {**wrong, "version": str(row["version"])})
        assert refused.status_code == 422
        assert "A question of this kind needs at least 2 options." in extract_text(refused)
        assert 'name="question_key" maxlength="40" value="T!"' in refused.text
        assert 'aria-describedby="question-1-options-error question-1-options-hint"' in refused.text
        assert client.post(path, {**FORM, **build_rows(TOPICS), "version": str(row["version"])}).status_code == 303
        assert [item["key"] for item in shared_api.get(f"/v1/meeting-types/{row['id']}", "admin")["questions"]] == [
            "topic"
        ]
        late = client.post(path, {**FORM, **build_rows(COMPANY), "version": str(row["version"])})
        assert late.status_code == 412
        assert "Topics" in extract_text(late)

    def test_rows_are_added_moved_and_removed_as_typed(self, shared_api: ApiDriver) -> None:
        client = PageClient(shared_api, "admin")
        rows = build_rows(COMPANY, SIZE, TOPICS)

        def list_labels(change: str) -> list[str]:
            page = client.post("/admin/meeting-types/new/questions", {**FORM, **rows, "change": change})
            assert page.status_code == 200
            assert 'value="Asks"' in page.text
            parts = page.text.split('name="question_label" maxlength="200" value="')[1:]
            return [part.split('"')[0] for part in parts]

        company, size, topics = COMPANY[0], SIZE[0], TOPICS[0]
        assert list_labels("add") == [company, size, topics, ""]
        assert list_labels("up-2") == [company, topics, size]
        assert list_labels("down-0") == [size, company, topics]
        assert list_labels("remove-1") == [company, topics]
        for nonsense in ("up-0", "down-2", "remove-9", "remove-x", ""):
            assert list_labels(nonsense) == [company, size, topics]

    def test_only_admins(self, shared_api: ApiDriver) -> None:
        client = PageClient(shared_api, "manager")
        for path in ("new", shared_api.ids["type"]):
            assert client.post(f"/admin/meeting-types/{path}/questions", FORM).status_code == 403

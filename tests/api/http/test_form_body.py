"""Forms in request bodies: what cannot be read is refused, and nothing is read in two ways."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from api.http.form_body import FORM_MEDIA_TYPE, MAX_FIELDS, Form, FormModel, FormText
from api.http.problem_details import install_exception_handlers


class Example(BaseModel):
    """A form with each kind of field."""

    name: Annotated[str, Field(max_length=5)] = "nobody"
    ticked: bool = False
    picks: list[int] = []


app = FastAPI()
install_exception_handlers(app)


@app.post("/model")
def read_model(form: Annotated[Example, Depends(FormModel(Example))]) -> Example:
    """Answer with the form as a model."""
    return form


@app.post("/text")
def read_text(back: Annotated[str, Depends(FormText("back", default="/links", max_length=10))]) -> str:
    """Answer with one field."""
    return back


@app.post("/fields")
def list_fields(form: Form) -> list[tuple[str, str]]:
    """Answer with all fields."""
    return list(form.pairs)


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A client of the three forms."""
    return TestClient(app)


def post_form(client: TestClient, path: str, body: bytes, media_type: str | None = FORM_MEDIA_TYPE) -> Any:
    """Send a body; return the response's status and its content."""
    headers = {"Content-Type": media_type} if media_type else {}
    response = client.post(path, content=body, headers=headers)
    return response.status_code, response.json()


def test_fields_keep_their_order_and_line_breaks_are_one_character(client: TestClient) -> None:
    assert post_form(client, "/fields", b"b=1%0D%0A2&a=&b=%C3%A9+x") == (200, [["b", "1\n2"], ["a", ""], ["b", "é x"]])
    assert post_form(client, "/fields", b"a=1", f"{FORM_MEDIA_TYPE.upper()}; charset=utf-8") == (200, [["a", "1"]])


@pytest.mark.parametrize("media_type", [FORM_MEDIA_TYPE, None, "text/plain"])
def test_an_empty_body_has_no_fields(client: TestClient, media_type: str | None) -> None:
    assert post_form(client, "/fields", b"", media_type) == (200, [])


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"a=%ff", FORM_MEDIA_TYPE),
        (b"a=\xc3\xa9", FORM_MEDIA_TYPE),
        (b"a=1", "application/json"),
        (b"a=1", "text/plain"),
        (b"a=1", None),
        (b"&".join([b"a=1"] * (MAX_FIELDS + 1)), FORM_MEDIA_TYPE),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n', "multipart/form-data; boundary=x"),
    ],
)
def test_what_cannot_be_read_is_refused(client: TestClient, body: bytes, media_type: str | None) -> None:
    assert post_form(client, "/fields", body, media_type)[0] == 400


def test_a_model_takes_one_text_or_all_of_a_list(client: TestClient) -> None:
    values = {"name": "Ada", "ticked": True, "picks": [3, 1]}
    assert post_form(client, "/model", b"picks=3&name=Ada&ticked=on&picks=1&other=x") == (200, values)
    defaults = {"name": "nobody", "ticked": False, "picks": []}
    assert post_form(client, "/model", b"name=&ticked=") == (200, defaults)
    assert post_form(client, "/model", b"name=Ada&name=Ada")[0] == 400
    status, problem = post_form(client, "/model", b"name=too-long&picks=1")
    assert (status, problem["errors"][0]["field"]) == (422, "name")


def test_a_text_has_a_default_and_a_bound(client: TestClient) -> None:
    assert post_form(client, "/text", b"") == (200, "/links")
    assert post_form(client, "/text", b"back=") == (200, "/links")
    assert post_form(client, "/text", b"back=%2Fhere") == (200, "/here")
    assert post_form(client, "/text", b"back=a&back=b")[0] == 400
    status, problem = post_form(client, "/text", b"back=" + b"x" * 11)
    assert (status, problem["errors"][0]["field"]) == (422, "back")

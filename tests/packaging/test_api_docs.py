"""The page at /docs: complete, and from this origin alone."""

import hashlib
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.http import api_docs_page


@pytest.fixture
def client() -> Iterator[TestClient]:
    """The page's router alone; it needs no database."""
    app = FastAPI(docs_url=None, redoc_url=None)
    app.include_router(api_docs_page.router)
    with TestClient(app) as client:
        yield client


class TestPage:
    """GET /docs"""

    def test_every_part_of_it_is_served_from_here(self, client: TestClient) -> None:
        page = client.get("/docs")
        paths = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
        assert page.status_code == 200
        assert len(paths) == 3
        for path in paths:
            response = client.get(path)
            assert response.status_code == 200
            assert response.headers["content-type"].startswith(
                "text/css" if path.endswith("css") else "text/javascript"
            )
        assert client.get("/openapi.json").json()["info"]

    def test_it_names_no_other_origin_and_no_inline_script(self, client: TestClient) -> None:
        page = client.get("/docs")
        assert "//" not in page.text
        assert not re.findall(r"<script(?![^>]*\bsrc=)", page.text)
        assert "<style" not in page.text
        start = api_docs_page.FOLDER.joinpath("start.js").read_text()
        assert "http" not in start
        assert "validatorUrl: null" in start

    def test_its_policy_lets_nothing_else_in(self, client: TestClient) -> None:
        policy = client.get("/docs").headers["content-security-policy"]
        sources = {source for part in policy.split("; ") for source in part.split()[1:]}
        assert sources == {"'none'", "'self'", "data:"}
        assert "default-src 'none'" in policy

    @pytest.mark.parametrize("name", ["README.md", "LICENSE", "..%2Fdocs%2Fstart.js", "nothing.js"])
    def test_no_other_file_is_served(self, client: TestClient, name: str) -> None:
        assert client.get(f"/static/docs/{name}").status_code == 404


def test_the_vendored_files_are_those_that_the_readme_names() -> None:
    readme = api_docs_page.FOLDER.joinpath("README.md").read_text()
    documented_digests = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", readme, re.M))
    file_names = {file.name for file in api_docs_page.FOLDER.iterdir()} - {"README.md", "start.js"}
    assert file_names == set(documented_digests)
    for name, digest in documented_digests.items():
        assert hashlib.sha256(api_docs_page.FOLDER.joinpath(name).read_bytes()).hexdigest() == digest, name

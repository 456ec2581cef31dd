"""A browser without scripts: it opens pages, follows links, fills in and submits forms."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx2
from fastapi.testclient import TestClient

EMPTY = ("input", "link", "meta", "br", "path", "rect", "circle", "img")
AS_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class HtmlForm:
    """A form of a page with the values that it would send."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class PageParser(HTMLParser):
    """Parses a page's forms, links and visible texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[HtmlForm] = []
        self.links: dict[str, str] = {}
        self.texts: list[str] = []
        self.open_link: tuple[str, list[str]] | None = None
        self.textarea: str | None = None
        self.hidden_depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(HtmlForm(attributes["action"], attributes["method"]))
        elif tag == "input" and "name" in attributes and self.forms:
            self.add_input(attributes)
        elif tag == "textarea":
            self.textarea = attributes["name"]
            self.forms[-1].fields[self.textarea] = ""
        elif tag == "a":
            self.open_link = (attributes["href"], [attributes["aria-label"]] if "aria-label" in attributes else [])
        self.hidden_depth += tag in ("script", "style", "datalist")

    def add_input(self, attributes: dict[str, str]) -> None:
        """Add an input's value to the form; of radio buttons the checked one."""
        form = self.forms[-1]
        if attributes.get("type") == "radio":
            form.choices.setdefault(attributes["name"], []).append(attributes["value"])
            if "checked" not in attributes:
                return
        form.fields[attributes["name"]] = attributes.get("value", "")

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.forms[-1].fields[self.textarea] += data
        elif not self.hidden_depth:
            self.texts.append(data)
        if self.open_link:
            self.open_link[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self.open_link:
            self.links.setdefault(" ".join("".join(self.open_link[1]).split()), self.open_link[0])
            self.open_link = None
        self.hidden_depth -= tag in ("script", "style", "datalist")
        if tag == "textarea":
            self.textarea = None


@dataclass
class Page:
    """A page's response, parsed."""

    response: httpx2.Response

    def __post_init__(self) -> None:
        assert self.response.headers["content-type"] == "text/html; charset=utf-8"
        self.parser = PageParser(self.response.text)

    @property
    def status(self) -> int:
        """The answer's status."""
        return int(self.response.status_code)

    @property
    def path(self) -> str:
        """Where the page is."""
        return str(self.response.url.path)

    @property
    def text(self) -> str:
        """The page's visible text."""
        return " ".join(" ".join(self.parser.texts).split())

    @property
    def form(self) -> HtmlForm:
        """The page's form that posts."""
        [post_form] = [candidate for candidate in self.parser.forms if candidate.method == "post"]
        return post_form

    def find_link(self, prefix: str) -> str:
        """Return the target of the first link whose text begins with this prefix."""
        return next(href for text, href in self.parser.links.items() if text.startswith(prefix))

    def list_times(self) -> dict[str, str]:
        """List the times of the shown day, with their links."""
        return {text: href for text, href in self.parser.links.items() if "start=" in href}

    def list_days(self) -> dict[str, str]:
        """List the days that have free times, with their links."""
        return {text: href for text, href in self.parser.links.items() if "day=" in href and "#times" in href}


@dataclass
class ScriptlessBrowser:
    """A guest's browser."""

    client: TestClient
    language: str = "en-GB"

    def open_page(self, path: str) -> Page:
        """Opens a page."""
        return Page(self.client.get(path, headers={"Accept-Language": self.language, "Accept": "text/html"}))

    def choose_time(self, path: str, number: int = 0, days: int = 2) -> Page:
        """Open a link's page and choose a time, by default one of the day after tomorrow."""
        day = (datetime.now(UTC) + timedelta(days=days)).date()
        page = self.open_page(f"{path}{'&' if '?' in path else '?'}day={day}")
        assert page.status == 200
        return self.open_page(list(page.list_times().values())[number])

    def submit_form(self, form: HtmlForm, **fields: str) -> Page:
        """Submit a form and follow the redirect."""
        return Page(self.post_form(form, follow_redirects=True, **fields))

    def post_form(self, form: HtmlForm, follow_redirects: bool = False, **fields: str) -> httpx2.Response:
        """Submit a form and return the response."""
        body = urlencode({**form.fields, **fields})
        headers: dict[str, Any] = {**AS_FORM, "Accept-Language": self.language}
        return self.client.post(form.action, content=body, headers=headers, follow_redirects=follow_redirects)

"""A browser without scripts: it opens pages, follows links, fills in forms and presses their buttons."""

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
class Form:
    """A form with the values that it would send."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class Reading(HTMLParser):
    """What a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.words: list[str] = []
        self.link: tuple[str, list[str]] | None = None
        self.area: str | None = None
        self.silent = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"], given["method"]))
        elif tag == "input" and "name" in given and self.forms:
            self.keep(given)
        elif tag == "textarea":
            self.area = given["name"]
            self.forms[-1].fields[self.area] = ""
        elif tag == "a":
            self.link = (given["href"], [given["aria-label"]] if "aria-label" in given else [])
        self.silent += tag in ("script", "style", "datalist")

    def keep(self, given: dict[str, str]) -> None:
        """An input's value; of radios that of the checked one."""
        form = self.forms[-1]
        if given.get("type") == "radio":
            form.choices.setdefault(given["name"], []).append(given["value"])
            if "checked" not in given:
                return
        form.fields[given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self.area:
            self.forms[-1].fields[self.area] += data
        elif not self.silent:
            self.words.append(data)
        if self.link:
            self.link[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self.link:
            self.links.setdefault(" ".join("".join(self.link[1]).split()), self.link[0])
            self.link = None
        self.silent -= tag in ("script", "style", "datalist")
        if tag == "textarea":
            self.area = None


@dataclass
class Page:
    """An answer that is a page."""

    answer: httpx2.Response

    def __post_init__(self) -> None:
        assert self.answer.headers["content-type"] == "text/html; charset=utf-8"
        self.read = Reading(self.answer.text)

    @property
    def status(self) -> int:
        """The answer's status."""
        return int(self.answer.status_code)

    @property
    def path(self) -> str:
        """Where the page is."""
        return str(self.answer.url.path)

    @property
    def text(self) -> str:
        """What there is to read."""
        return " ".join(" ".join(self.read.words).split())

    @property
    def form(self) -> Form:
        """The page's form that does something."""
        [found] = [form for form in self.read.forms if form.method == "post"]
        return found

    def link(self, beginning: str) -> str:
        """Where the first link leads whose words begin so."""
        return next(href for words, href in self.read.links.items() if words.startswith(beginning))

    def times(self) -> dict[str, str]:
        """The times of the day that is shown, with where each leads."""
        return {words: href for words, href in self.read.links.items() if "start=" in href}

    def days(self) -> dict[str, str]:
        """The days that have free times, with where each leads."""
        return {words: href for words, href in self.read.links.items() if "day=" in href and "#times" in href}


@dataclass
class Browser:
    """Somebody's browser."""

    client: TestClient
    language: str = "en-GB"

    def open(self, path: str) -> Page:
        """Opens a page."""
        return Page(self.client.get(path, headers={"Accept-Language": self.language, "Accept": "text/html"}))

    def choose(self, path: str, number: int = 0, days: int = 2) -> Page:
        """Opens a link's page, and chooses one of the times that it shows for the day after tomorrow."""
        day = (datetime.now(UTC) + timedelta(days=days)).date()
        page = self.open(f"{path}{'&' if '?' in path else '?'}day={day}")
        assert page.status == 200
        return self.open(list(page.times().values())[number])

    def press(self, form: Form, **fields: str) -> Page:
        """Sends a form, and goes where the answer leads."""
        return Page(self.send(form, follow=True, **fields))

    def send(self, form: Form, follow: bool = False, **fields: str) -> httpx2.Response:
        """Sends a form; the bare answer."""
        body = urlencode({**form.fields, **fields})
        headers: dict[str, Any] = {**AS_FORM, "Accept-Language": self.language}
        return self.client.post(form.action, content=body, headers=headers, follow_redirects=follow)

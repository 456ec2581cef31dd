"""OpenID providers that others wrote, each in a process of its own on loopback, with one client and one person."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import yaml

from tests.integrations.identity.forging_provider import CLIENT_ID, CLIENT_SECRET
from tests.node.tools import FOLDER
from tests.waiting import find_free_port, wait_until

SIGN_IN = {"sub": "member", "login": "member", "username": "member", "password": "secret"}
MAX_STEPS = 12


@dataclass(frozen=True)
class IndependentProvider:
    """A provider that runs."""

    issuer: str
    process: subprocess.Popen[str] = field(repr=False)


@contextmanager
def run_process(command: list[str], issuer: str | None = None, **environment: str) -> Iterator[IndependentProvider]:
    """Run a provider until it answers; its issuer is the first line that it prints, unless it is known."""
    output = subprocess.PIPE if issuer is None else subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdout=output, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment}
    )
    try:
        if issuer is None:
            assert process.stdout
            issuer = process.stdout.readline().strip()
        wait_until(lambda: process.poll() is None and is_up(issuer))
        yield IndependentProvider(issuer, process)
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def is_up(issuer: str) -> bool:
    """Whether a provider describes itself."""
    try:
        return httpx2.get(f"{issuer}/.well-known/openid-configuration", timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


@contextmanager
def run_oidc_provider(folder: Path, redirect_uri: str, email: str) -> Iterator[IndependentProvider]:
    """npm's oidc-provider, which is certified."""
    with run_process(["node", str(FOLDER / "oidc_provider.mjs"), redirect_uri, email]) as provider:
        yield provider


@contextmanager
def run_mock(folder: Path, redirect_uri: str, email: str) -> Iterator[IndependentProvider]:
    """PyPI's oidc-provider-mock."""
    port = find_free_port()
    claims = json.dumps({"sub": "member", "email": email, "email_verified": True})
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--user-claims", claims]
    with run_process(command, f"http://127.0.0.1:{port}") as provider:
        yield provider


@contextmanager
def run_nanoidp(folder: Path, redirect_uri: str, email: str) -> Iterator[IndependentProvider]:
    """PyPI's nanoidp."""
    port = find_free_port()
    issuer = f"http://127.0.0.1:{port}"
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uris": [redirect_uri]}
    settings = {
        "config_version": 1,
        "server": {"host": "127.0.0.1", "port": port},
        "oauth": {"issuer": issuer, "audience": CLIENT_ID, "clients": [client]},
    }
    users = {"config_version": 1, "users": {"member": {"password": "secret", "email": email}}}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    (folder / "users.yaml").write_text(yaml.safe_dump(users))
    command = [sys.executable, "-m", "nanoidp", "--config", str(folder)]
    with run_process(command, issuer) as provider:
        yield provider


class FormParser(HTMLParser):
    """Finds the first form of a page: where it goes and what is in its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.is_inside = False
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        attributes = dict(attrs)
        if tag == "form" and self.action is None:
            self.action, self.is_inside = attributes.get("action") or "", True
        elif self.is_inside and tag in ("input", "button") and attributes.get("name"):
            self.fields.setdefault(attributes["name"], attributes.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False


def sign_in_at_provider(url: str, back: str) -> str:
    """Go through the provider's pages as the person would. Returns the address that it leads back to."""
    with httpx2.Client(follow_redirects=False, timeout=20) as client:
        response = client.get(url)
        for _ in range(MAX_STEPS):
            location = response.headers.get("location")
            if location:
                target = urljoin(str(response.url), location)
                if target.startswith(back):
                    return target
                response = client.get(target)
                continue
            form = FormParser()
            form.feed(response.text)
            assert form.action is not None, f"{response.url} answers {response.status_code}: {response.text[:2000]}"
            fields = form.fields | {name: value for name, value in SIGN_IN.items() if name in form.fields}
            response = client.post(urljoin(str(response.url), form.action), data=fields)
    raise AssertionError(f"the provider leads nowhere: {response.url} answers {response.status_code}")

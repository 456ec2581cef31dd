"""HTTP requests to the operator's OpenID provider: bounded time and size, and no redirect is followed."""

import json
from collections.abc import Mapping
from time import monotonic
from typing import Any

import httpx2

from integrations.identity.errors import ProviderAway, WrongProviderAnswer

SECONDS = 10.0
MAX_BYTES = 1_000_000
HEADERS = {"User-Agent": "Oncelink", "Accept": "application/json"}


def fetch_json(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Fetch a JSON object. Raises ProviderAway, WrongProviderAnswer."""
    status, answer = send_request("GET", url, headers)
    if status != 200:
        raise WrongProviderAnswer(f"{url} answers {status}")
    return answer


def send_request(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: str | None = None
) -> tuple[int, dict[str, Any]]:
    """Send one request. Returns the status and the JSON object that came. Raises ProviderAway, WrongProviderAnswer."""
    deadline = monotonic() + SECONDS
    try:
        with (
            httpx2.Client(timeout=SECONDS, follow_redirects=False) as client,
            client.stream(method, url, headers={**HEADERS, **(headers or {})}, content=body) as response,
        ):
            content = read_within(response, deadline)
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise ProviderAway from error
    if response.status_code >= 500 or response.status_code == 429:
        raise ProviderAway
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise WrongProviderAnswer(f"{url} answers {response.status_code} without a JSON object")
    return response.status_code, answer


def read_within(response: httpx2.Response, deadline: float) -> bytes:
    """Read a body that ends before the deadline. Raises ProviderAway, WrongProviderAnswer for one that is too large."""
    content = bytearray()
    for chunk in response.iter_bytes(65_536):
        content += chunk
        if monotonic() > deadline:
            raise ProviderAway
        if len(content) > MAX_BYTES:
            raise WrongProviderAnswer(f"{response.url} answers more than {MAX_BYTES} bytes")
    return bytes(content)

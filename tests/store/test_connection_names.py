"""Names of connections: the role and the process, unless the operator's URL has a name."""

import pytest

from store.connection_names import MAX_NAME_BYTES, build_connection_name, get_process_name


def test_a_name_says_schema_role_and_process() -> None:
    name = build_connection_name("postgresql:///oncelink", "oncelink", "follower")
    assert name == f"oncelink follower {get_process_name()}"


def test_a_name_in_the_url_stays() -> None:
    assert build_connection_name("postgresql:///oncelink?application_name=mine", "oncelink", "web") == "mine"


def test_a_long_name_keeps_role_and_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "h" * 200)
    name = build_connection_name("postgresql:///oncelink", "ö" * 40, "notifier")
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name.endswith(f" notifier {get_process_name()}")

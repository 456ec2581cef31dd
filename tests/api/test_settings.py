"""Settings that hold a secret: a wrong one is named in one sentence, and no message, repr or traceback shows it."""

import traceback
from typing import Any

import pytest
from pydantic import ValidationError

from api.settings import Settings, WrongSetting, read_settings
from tests.cli_driver import read_error, run_command
from tests.waiting import find_free_port

SECRET = "hunter2-S3cret"
HOLDS_SECRETS = ("url", "key", "token", "secret", "password")
NO_SECRET = {"base_url"}

WRONG_DATABASE_URLS = [
    f"postgresql+psycopg://ada:{SECRET}@db.example/oncelink",
    f"jdbc:postgresql://db.example/oncelink?user=ada&password={SECRET}",
    f"postgresql://ada:{SECRET}%zz@db.example/oncelink",
    f"postgresql://ada:{SECRET}@more@db.example/oncelink",
    f"postgresql://ada:{SECRET}/more@db.example/oncelink",
    f"postgresql://ada:12/{SECRET}@db.example/oncelink",
    f"postgresql://ada:{SECRET}@db.example:54x32/oncelink",
    f"postgresql://ada:{SECRET}@[::1/oncelink",
    f"postgresql://ada:{SECRET}@db.example/oncelink?ssl={SECRET}",
    f"host=db.example password={SECRET}",
    f"'postgresql://ada:{SECRET}@db.example/oncelink'",
    f"mysql://ada:{SECRET}@db.example/oncelink",
    SECRET,
]
WRONG_SMTP_URLS = [
    f"http://ada:{SECRET}@mail.example",
    f"smtp://ada:{SECRET}/more@mail.example",
    f"smtp://ada:{SECRET}#more@mail.example",
    f"smtp://ada:{SECRET}?more@mail.example",
    f"smtp://ada:{SECRET}@more@mail.example",
    f"smtp://ada:{SECRET}%zz@mail.example",
    f"smtp://ada:{SECRET}%ff@mail.example",
    f"smtp://ada:{SECRET}℀@mail.example",
    f"smtp://ada:[{SECRET}@mail.example",
    f"smtp://:{SECRET}@mail.example",
    f"smtp://{SECRET}@mail.example",
    f"smtp://ada:{SECRET}@mail.example:99999",
    f"smtp://ada:{SECRET}@mail.example:port",
    f"smtp://ada:{SECRET}@mail.example?starttls=requierd",
    f"smtp://ada:{SECRET}@mail.example?starttls=never",
    f"smtps://ada:{SECRET}@mail.example?starttls=required",
    f"smtp://ada:{SECRET}@",
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("database_url", url) for url in WRONG_DATABASE_URLS),
        *(("owner_database_url", url) for url in WRONG_DATABASE_URLS[:3]),
        *(("smtp_url", url) for url in WRONG_SMTP_URLS),
        ("secret_keys", SECRET),
        ("base_url", f"https://ada:{SECRET}@meet.example"),
        ("base_url", f"https://meet.example?token={SECRET}"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(WrongSetting) as raised:
        read_settings(**{name: value, "mail_from": "book@nexora.example"})
    sentence = str(raised.value)
    assert sentence.startswith(f"ONCELINK_{name.upper()}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert not has_secret("".join(traceback.format_exception(raised.value)))
    with pytest.raises(ValidationError) as unread:
        Settings(**{name: value})  # type: ignore[arg-type]
    assert SECRET not in str(unread.value)
    assert SECRET not in repr(unread.value)


def has_secret(text: str) -> bool:
    """Whether a text holds the secret or a torn part of it."""
    return SECRET in text or SECRET.split("-")[0] in text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada@db.example/oncelink?passfile=/etc/oncelink/pgpass&sslmode=verify-full",
        "postgresql://ada:what?#more@db.example/oncelink",
        "postgres://ada:p%40ss%2Fword@[::1]:5432/oncelink",
        "postgresql://ada@/oncelink?host=/tmp/oncelink-0-abc&port=5433",
        "postgresql://ada@one.example:5432,two.example:5433/oncelink?target_session_attrs=read-write",
    ],
)
def test_what_libpq_reads_is_taken(url: str) -> None:
    assert read_settings(database_url=url).database_url == url


@pytest.mark.parametrize("mail_from", ["Oncelink", "<>", "Oncelink <booking>"])
def test_a_sender_must_be_an_address(mail_from: str) -> None:
    with pytest.raises(WrongSetting, match=r"^ONCELINK_MAIL_FROM: "):
        read_settings(smtp_url="smtp://mail.example", mail_from=mail_from)


def test_no_repr_shows_what_may_be_a_secret() -> None:
    values: dict[str, Any] = {
        "database_url": f"postgresql://ada:{SECRET}@db.example/oncelink",
        "owner_database_url": f"postgresql://ada:{SECRET}@db.example/oncelink",
        "smtp_url": f"smtp://ada:{SECRET}@mail.example",
        "mail_from": "book@nexora.example",
        "secret_keys": SECRET * 3,
    }
    settings = read_settings(**values)
    assert SECRET not in f"{settings!r} {settings}"
    for name, field in Settings.model_fields.items():
        if any(word in name for word in HOLDS_SECRETS) and name not in NO_SECRET:
            assert field.repr is False, f"{name}: give it repr=False"


@pytest.mark.parametrize(
    "command", ["serve", "follow", "migrate", "doctor --json", "person add ada@nexora.example --role admin"]
)
def test_every_command_ends_with_one_sentence(command: str) -> None:
    result = run_command({"ONCELINK_DATABASE_URL": WRONG_DATABASE_URLS[0]}, *command.split())
    assert result.exit_code == 2
    assert read_error(result).startswith("ONCELINK_DATABASE_URL: must begin with postgresql://")
    assert not has_secret(result.output + result.stderr)


@pytest.mark.parametrize("command", ["serve", "doctor --json", "reconcile"])
def test_a_database_that_does_not_answer_shows_no_password(command: str) -> None:
    url = f"postgresql://ada:{SECRET}@127.0.0.1:{find_free_port()}/oncelink?connect_timeout=2"
    result = run_command({"ONCELINK_DATABASE_URL": url}, *command.split())
    assert result.exit_code == 1
    assert not has_secret(f"{result.output} {result.stderr} {result.exception!r}")

"""`oncelink doctor --mail ADDRESS`: whether mail works, and what to do when it does not."""

import json

from api.cli.mail_check import ADVICE
from api.settings import Settings
from replay.history.phrases import FAILURES
from tests.cli_driver import build_environment, run_command
from tests.integrations.mail.smtp_server import get_part, run_smtp_server
from tests.waiting import find_free_port


def run_doctor(settings: Settings, smtp_url: str, *arguments: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    """Run `oncelink doctor` with a mail server; returns the exit code and each finding."""
    mail = {"ONCELINK_SMTP_URL": smtp_url, "ONCELINK_MAIL_FROM": "Nexora <book@nexora.example>"}
    result = run_command(build_environment(settings) | mail, "doctor", "--json", *arguments)
    return result.exit_code, {check["name"]: (check["ok"], check["finding"]) for check in json.loads(result.stdout)}


def test_sends_a_mail_to_an_address(settings: Settings) -> None:
    with run_smtp_server() as server:
        code, findings = run_doctor(settings, server.settings["smtp_url"], "--mail", "ada@nexora.example")
        assert (code, findings["mail"]) == (0, (True, "ok, the server has taken the mail"))
        [message] = server.find_messages("ada@nexora.example")
        assert message["From"] == "Nexora <book@nexora.example>"
        assert "oncelink doctor --mail" in get_part(message, "text/plain")
        server.refuse_rcpt = "550 No such mailbox"
        code, findings = run_doctor(settings, server.settings["smtp_url"], "--mail", "nobody@nexora.example")
        assert (code, findings["mail"]) == (
            1,
            (False, "The address was refused (address_refused). Look at the address."),
        )


def test_without_an_address_it_only_connects(settings: Settings) -> None:
    with run_smtp_server() as server:
        assert run_doctor(settings, server.settings["smtp_url"])[1]["mail"] == (True, "ok")
        assert server.messages == []
        url = f"smtp://ada:secret@127.0.0.1:{server.port}"
        assert_problem(settings, url, "(no_starttls). Write smtps:// in ONCELINK_SMTP_URL, or leave the password out.")
    assert_problem(settings, f"smtp://127.0.0.1:{find_free_port()}", "(server_unreachable). Look at host and port")


def assert_problem(settings: Settings, url: str, words: str) -> None:
    """Assert that doctor names a problem of the mail server."""
    code, findings = run_doctor(settings, url)
    ok, finding = findings["mail"]
    assert (code, ok) == (1, False)
    assert words in finding


def test_says_what_is_missing(settings: Settings) -> None:
    for arguments, code in (((), 0), (("--mail", "ada@nexora.example"), 1)):
        result = run_command(build_environment(settings), "doctor", "--json", *arguments)
        [check] = [check for check in json.loads(result.stdout) if check["name"] == "mail"]
        assert (result.exit_code, check["ok"]) == (code, not arguments)
        assert "set ONCELINK_SMTP_URL and ONCELINK_MAIL_FROM" in check["finding"]
        assert "`oncelink sign-in EMAIL`" in check["finding"]
    assert "note" in run_command(build_environment(settings), "doctor").stdout


def test_each_piece_of_advice_is_about_a_reason() -> None:
    assert ADVICE.keys() <= FAILURES.keys()

"""Rules for names: functions begin with a verb, no participle stands alone, and the glossary's words are used."""

import json
import re
from pathlib import Path

from tests.architecture.source_files import (
    PYTHON_FILES,
    ROOT,
    Function,
    assert_none,
    get_name,
    has_decorator,
    iterate_names,
    list_functions,
    read_text,
)

VERBS_FILE = Path(__file__).parent / "verbs.txt"
VERBS = VERBS_FILE.read_text(encoding="utf-8").split()
OTHER_FIRST_WORDS = {"is", "has", "to", "from"}
# named by the library that calls them
LIBRARY_METHODS = {
    "_trigger_server",  # aiosmtpd
    "connection_lost",  # asyncio.Protocol
    "connection_made",
    "data_received",
    "do_GET",  # http.server
    "do_POST",
    "doctype",  # xml.etree
    "factory",  # aiosmtpd
    "json",  # starlette
    "on_body",  # httptools
    "on_headers_complete",
    "on_message_begin",
    "on_message_complete",
    "on_response_complete",  # uvicorn
    "smtp_STARTTLS",  # aiosmtpd
    "startup",  # uvicorn
}
EXEMPT_NAMES = re.compile(r"__\w+__|main|(test|pytest)_\w+")
EXEMPT_DECORATORS = r"\bproperty$|\bcached_property$|\.setter$|^(pytest\.)?fixture\b"
BARE_WORDS = {
    "asked", "found", "given", "held", "kept", "known", "made", "named", "said", "shown", "standing", "taken", "told"
}  # fmt: skip
OUTWARD_NAMES = {"Named"}  # a component of docs/openapi.json
LIBRARY_NAMES = {"given"}  # of hypothesis, as an import
TEXTS = [*PYTHON_FILES, *sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
# calendars have words of their own, and so have the headings of other products' lists
CALENDAR_FILES = {
    "headings.py", "hostile_guests.py", "icalendar.py", "ics_filter.py", "irregular_feeds.py", "test_fetch.py",
    "test_icalendar.py", "test_calendar_delivery.py", "test_killed_workers.py", "test_manage_pages.py",
    "test_meeting_mails.py",
}  # fmt: skip
FORBIDDEN_WORDS = re.compile(r"\b(attendees?|invitees?|appointments?|event[- ]types?|organi[sz]ers?)\b", re.IGNORECASE)


def has_verb(function: Function) -> bool:
    """Return whether a function needs no verb, or its first word is one."""
    if EXEMPT_NAMES.fullmatch(function.name) or function.name in LIBRARY_METHODS:
        return True
    first_word = function.name.strip("_").partition("_")[0]
    return first_word in OTHER_FIRST_WORDS.union(VERBS) or has_decorator(function, EXEMPT_DECORATORS)


def test_functions_begin_with_a_verb() -> None:
    nouns = [
        f"{get_name(path)}:{function.lineno} {function.name}"
        for path in PYTHON_FILES
        for function in list_functions(path)
        if not has_verb(function)
    ]
    assert_none(nouns, f"rename them, or add a plain verb to {get_name(VERBS_FILE)}")


def test_the_verbs_are_sorted() -> None:
    assert sorted(set(VERBS)) == VERBS
    assert not BARE_WORDS.intersection(VERBS)


def test_no_participle_stands_alone() -> None:
    bare_names = [
        f"{get_name(path)}:{line} {word}"
        for path in PYTHON_FILES
        for line, word in iterate_names(path)
        if word.lower().strip("_") in BARE_WORDS
        and word not in OUTWARD_NAMES
        and not (word in LIBRARY_NAMES and "from hypothesis import" in read_text(path))
    ]
    assert_none(bare_names)


def test_every_exception_is_needed() -> None:
    components = json.loads(read_text(ROOT / "docs" / "openapi.json"))["components"]["schemas"]
    assert components.keys() >= OUTWARD_NAMES
    methods = {function.name for path in PYTHON_FILES for function in list_functions(path)}
    assert methods >= LIBRARY_METHODS


def test_texts_use_the_words_of_the_glossary() -> None:
    matches = {
        get_name(path): words
        for path in TEXTS
        if path.name not in {"glossary.md", Path(__file__).name} | CALENDAR_FILES
        and (words := FORBIDDEN_WORDS.findall(read_text(path)))
    }
    assert_none(f"{name}: {words}" for name, words in matches.items())

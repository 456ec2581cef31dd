"""Lists of recipients as people paste and upload them: which names and addresses are read, and what is left out."""

import pytest

from api.pages.links.recipients.recipient_list import parse_recipients
from api.pages.links.recipients.text_decoding import UndecodableFile, decode_text

GRACE = ("Grace Hopper", "grace@acme.example")
ALAN = ("Alan Turing", "alan@acme.example")
ONE_LIST = "Name\tE-Mail\nGrâce Höpper\tgrace@acme.example\n"


def read_recipients(text: str) -> list[tuple[str | None, str | None]]:
    """The names and addresses of a list."""
    return [(one.recipient.name, one.recipient.email) for one in parse_recipients(text).recipients]


def read_problems(text: str) -> list[tuple[int, str]]:
    """The lines that make no link, with the reason."""
    recipients = parse_recipients(text)
    return [(problem.line, problem.reason) for problem in (*recipients.problems, *recipients.duplicates)]


@pytest.mark.parametrize(
    "text",
    [
        "First Name,Last Name,Email\nGrace,Hopper,grace@acme.example",
        "Full Name,E-mail Address\nGrace Hopper,grace@acme.example",
        "Email;Surname;Given name\ngrace@acme.example;Hopper;Grace",
        "Name\tVorname\tE-Mail-Adresse\nHopper\tGrace\tgrace@acme.example",
        "Nom,Prénom,Adresse e-mail\nHopper,Grace,grace@acme.example",
        "Nombre;Apellidos;Correo electrónico\nGrace;Hopper;grace@acme.example",
        "First Name,Middle Name,Last Name,E-mail 1 - Label,E-mail 1 - Value\nGrace,,Hopper,Work,grace@acme.example",
        "メールアドレス,氏名\ngrace@acme.example,Grace Hopper",
        "Who they are;How to reach them\nGrace Hopper;grace@acme.example",
        "sep=;\nNAME;MAIL\nGrace Hopper;grace@acme.example",
        "Name,Mail\rGrace Hopper,grace@acme.example",
        "\ufeffGrace Hopper,grace@acme.example",
        "grace@acme.example; Grace  Hopper ",
        "Grace Hopper <grace@acme.example>",
        '"Grace\nHopper";grace@acme.example',
        "Name;Mail\n\n;;\nGrace Hopper;mailto:grace@acme.example",
        "Name,Contact\nGrace Hopper,grace@acme.example",
    ],
)
def test_a_recipient_is_read_however_the_list_is_written(text: str) -> None:
    assert read_recipients(text) == [GRACE]
    assert read_problems(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Grace Hopper, grace@acme.example\nAlan Turing; alan@acme.example",
        "Grace Hopper <grace@acme.example>; Alan Turing <alan@acme.example>",
        "Grace Hopper <grace@acme.example>, Alan Turing <alan@acme.example>",
    ],
)
def test_addresses_are_read_as_mail_programs_copy_them(text: str) -> None:
    assert read_recipients(text) == [GRACE, ALAN]


def test_a_quoted_name_keeps_its_comma() -> None:
    text = '"Hopper, Grace" <grace@acme.example>; "Turing, Alan" <alan@acme.example>'
    assert [name for name, _ in read_recipients(text)] == ["Hopper, Grace", "Turing, Alan"]
    assert read_recipients('"Hopper, Grace",grace@acme.example') == [("Hopper, Grace", "grace@acme.example")]


def test_a_list_of_names_needs_neither_addresses_nor_headings() -> None:
    assert read_recipients("Anna Schmidt\nBen") == [("Anna Schmidt", None), ("Ben", None)]
    assert read_recipients("Name\nBen") == [("Ben", None)]


def test_each_bad_line_is_named_and_the_others_are_kept() -> None:
    text = f'Name,Email\nGrace Hopper,grace@acme.example\nBob,nowhere\n"Open,x@acme.example\n{"x" * 201},\n,\nOrg,\n'
    assert read_recipients(text) == [GRACE, ("Org", None)]
    assert read_problems(text) == [
        (3, "The address: This is not an e-mail address."),
        (4, "A quotation mark is opened and not closed, or text follows after a closed one."),
        (5, "The name: String should have at most 200 characters."),
    ]
    assert read_problems("Company,Name,Email\nAcme,,\n") == [(2, "There is neither a name nor an address.")]
    assert read_problems("Bell \x07,b@acme.example") == [(1, "The name: Control characters are not allowed.")]


def test_duplicates_name_the_line_that_counts() -> None:
    text = "Name,Email\nGrace,grace@acme.example\nG. Hopper,Grace@ACME.example\nAnna,\nanna,\n"
    assert read_recipients(text) == [("Grace", "grace@acme.example"), ("Anna", None)]
    assert read_problems(text) == [(3, "The same address stands in line 2."), (5, "The same name stands in line 4.")]
    assert read_problems("a@acme.example,a@acme.example") == [(1, "The same address stands in line 1.")]


def test_a_column_that_is_not_used_is_told() -> None:
    columns = parse_recipients("Name,Email,Company\nGrace,grace@acme.example,Acme").columns
    assert columns
    assert columns.unused_headings == ["Company"]
    assert parse_recipients("Grace,Hopper,grace@acme.example").unused_columns == 1
    assert parse_recipients("Grace,grace@acme.example").unused_columns == 0


def test_many_open_quotation_marks_are_read_in_time_that_grows_with_the_list() -> None:
    recipients = parse_recipients('"open\n' * 5000)
    assert len(recipients.problems) >= 20
    assert len(recipients.duplicates) > 4000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_files_of_spreadsheets_are_decoded(encoding: str) -> None:
    assert decode_text(ONE_LIST.encode(encoding)) == ONE_LIST


@pytest.mark.parametrize("content", [b"\x89PNG\x00\x00\r\n\x1a\n\x00", b"PK\x03\x04\x00\x00", b"\xff\xfe\x00\xd8"])
def test_a_file_that_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(UndecodableFile):
        decode_text(content)

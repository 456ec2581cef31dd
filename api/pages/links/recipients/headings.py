"""Finds out which column of a list has names and which has addresses: by its headings, or by what stands in it."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from api.pages.links.recipients.csv_rows import CsvRow


def fold_heading(heading: str) -> str:
    """Reduce a heading to what is compared: letters and digits without accents, whatever the case."""
    decomposed = unicodedata.normalize("NFKD", heading.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def fold_headings(headings: str) -> frozenset[str]:
    """Reduce headings, with a space between them, to what is compared."""
    return frozenset(map(fold_heading, headings.split()))


# headings of address books, mail programs and sales tools, without spaces and punctuation
FIRST_NAME_HEADINGS = fold_headings(
    "firstname first givenname given forename fname vorname rufname prenom nombre nombres nome primeironome voornaam"
    " imie prenume fornamn fornavn etunimi keresztnev 名 שםפרטי الاسمالاول"
)
LAST_NAME_HEADINGS = fold_headings(
    "lastname last surname familyname family lname nachname familienname zuname nomdefamille apellido apellidos"
    " cognome sobrenome apelido achternaam nazwisko efternamn etternavn sukunimi vezeteknev 姓 שםמשפחה اسمالعائلة"
)
NAME_HEADINGS = fold_headings(
    "name names fullname displayname contact contacts contactname contactperson recipient recipientname guest"
    " guestname attendee attendeename invitee person participant customer customername client clientname leadname"
    " prospect empfanger kontakt ansprechpartner ansprechpartnerin teilnehmer kunde vollername vollstandigername nom"
    " nomcomplet nometprenom nomprenom prenomnom destinataire nombrecompleto nombreyapellido nombreyapellidos"
    " destinatario nomecompleto nomeecognome nomecognome contatto contato naam volledigenaam ontvanger nazwa"
    " imieinazwisko odbiorca namn navn nimi nev 名前 氏名 お名前 姓名 이름 שם שםמלא الاسم الاسمالكامل имя фио"
)
EMAIL_HEADINGS = fold_headings(
    "email emails emailaddress emailaddresses emailid emailwork workemail businessemail companyemail primaryemail"
    " contactemail guestemail recipientemail email1 email1value email1address mail mailaddress mailadresse"
    " emailadresse adresseemail adressemail adressedemessagerie adresseelectronique courriel mel correo"
    " correoelectronico direcciondecorreo direccioncorreo indirizzoemail indirizzomail postaelettronica enderecoemail"
    " enderecodeemail emailadres mailadres adresemail adresmail adresemail epost epostadress epostadresse"
    " sahkoposti メール メールアドレス eメール 이메일 电子邮件 邮箱 דואל כתובתדואל אימייל البريدالالكتروني почта"
    " электроннаяпочта"
)


@dataclass(frozen=True, slots=True)
class Columns:
    """The numbers of the columns with names and addresses, and the headings, if the list has any."""

    email: int | None = None
    full_name: int | None = None
    first_name: int | None = None
    last_name: int | None = None
    headings: tuple[str, ...] = ()

    def read_cell(self, row: CsvRow, column: int | None) -> str:
        """Return a cell of a row; "" where the row has none."""
        return row.cells[column] if column is not None and column < len(row.cells) else ""

    def read_email(self, row: CsvRow) -> str:
        """Return the address of a row."""
        return self.read_cell(row, self.email)

    def read_name(self, row: CsvRow) -> str:
        """Return the name of a row, put together from first and last name where the list has both."""
        full_name = self.read_cell(row, self.full_name)
        if full_name:
            return full_name
        parts = (self.read_cell(row, self.first_name), self.read_cell(row, self.last_name))
        return " ".join(part for part in parts if part)

    @property
    def unused_headings(self) -> list[str]:
        """The headings of the columns that are neither a name nor an address."""
        used = {self.email, self.full_name, self.first_name, self.last_name}
        return [heading for number, heading in enumerate(self.headings) if heading and number not in used]


def find_columns(rows: Sequence[CsvRow]) -> Columns | None:
    """Find the columns of a list that begins with headings; None for a list without."""
    heading_row = next((row for row in rows if not row.problem), None)
    if heading_row is None or any("@" in cell for cell in heading_row.cells):
        return None
    keys = [fold_heading(cell) for cell in heading_row.cells]
    all_headings = FIRST_NAME_HEADINGS | LAST_NAME_HEADINGS | NAME_HEADINGS | EMAIL_HEADINGS
    email_by_content = find_email_column(heading_row, rows)
    if email_by_content is None and all_headings.isdisjoint(keys):
        return None
    email = find_column(keys, EMAIL_HEADINGS)
    email = email if email is not None else email_by_content
    first_name, last_name, full_name = (
        find_column(keys, headings, excluding=email)
        for headings in (FIRST_NAME_HEADINGS, LAST_NAME_HEADINGS, NAME_HEADINGS)
    )
    if first_name is not None and last_name is None:  # "Name, Vorname": the name beside a first name is the last name
        full_name, last_name = None, full_name
    if first_name is last_name is full_name is None:  # unknown headings: the first column beside the addresses
        full_name = next((number for number, key in enumerate(keys) if key and number != email), None)
    return Columns(email, full_name, first_name, last_name, heading_row.cells)


def find_column(keys: Sequence[str], headings: frozenset[str], excluding: int | None = None) -> int | None:
    """Find the first column whose heading is one of these."""
    return next((number for number, key in enumerate(keys) if key in headings and number != excluding), None)


def find_email_column(heading_row: CsvRow, rows: Sequence[CsvRow]) -> int | None:
    """Find the column that has an address in each row below its heading, which has none."""
    below = [row for row in rows if row is not heading_row and not row.problem]
    for number, heading in enumerate(heading_row.cells):
        if heading and below and all(number < len(row.cells) and "@" in row.cells[number] for row in below):
            return number
    return None

"""What a WebDAV server says (RFC 4918): its XML read without document types, and the bodies that ask it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from integrations.calendars.errors import NotCalDav

DAV = "{DAV:}"
CAL = "{urn:ietf:params:xml:ns:caldav}"
SERVER = "{http://calendarserver.org/ns/}"
NAMESPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:s="http://calendarserver.org/ns/"'
MOST_RESPONSES = 20_000


class NoDocumentType(TreeBuilder):
    """Builds a tree, and refuses a document type, with which entities would begin."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        """Raises NotCalDav."""
        raise NotCalDav


@dataclass(frozen=True, slots=True)
class Found:
    """What a server says of one of its resources."""

    href: str
    properties: Element

    def text(self, name: str) -> str | None:
        """The text of a property."""
        found = self.properties.find(name)
        return None if found is None or not found.text else found.text.strip()

    def inner(self, *path: str) -> str | None:
        """The text of an address within a property."""
        found = self.properties.find("/".join((*path, f"{DAV}href")))
        return None if found is None or not found.text else found.text.strip()

    def has(self, *path: str) -> bool:
        """Whether a property holds such an element."""
        return self.properties.find("/".join(path)) is not None

    def all(self, *path: str) -> list[Element]:
        """The elements within a property."""
        return self.properties.findall("/".join(path))


def multistatus(body: bytes) -> list[Found]:
    """The resources of an answer with the properties that it has of them. Raises NotCalDav."""
    parser = XMLParser(target=NoDocumentType())  # noqa: S314 - no document type, so no entities; the size is bounded
    try:
        parser.feed(body)
        root = parser.close()
    except (ParseError, ValueError, LookupError):
        raise NotCalDav from None
    if root.tag != f"{DAV}multistatus":
        raise NotCalDav
    responses = root.findall(f"{DAV}response")
    if len(responses) > MOST_RESPONSES:
        raise NotCalDav
    return list(found_in(responses))


def found_in(responses: list[Element]) -> Iterator[Found]:
    """Each response's address and the properties that were found."""
    for response in responses:
        href = response.findtext(f"{DAV}href", "").strip()
        properties = Element("prop")
        for part in response.findall(f"{DAV}propstat"):
            if " 200" in part.findtext(f"{DAV}status", "HTTP/1.1 200"):
                properties.extend(part.findall(f"{DAV}prop/*"))
        if href:
            yield Found(href, properties)


def propfind(*names: str) -> bytes:
    """Asks for properties by their prefixed names."""
    wanted = "".join(f"<{name}/>" for name in names)
    return f'<?xml version="1.0"?><d:propfind {NAMESPACES}><d:prop>{wanted}</d:prop></d:propfind>'.encode()


def events_between(start: datetime, end: datetime) -> bytes:
    """Asks for the entries that touch a time, each whole (RFC 4791, 7.8)."""
    return (
        f'<?xml version="1.0"?><c:calendar-query {NAMESPACES}>'
        "<d:prop><d:getetag/><c:calendar-data/></d:prop>"
        '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">'
        f'<c:time-range start="{start:%Y%m%dT%H%M%SZ}" end="{end:%Y%m%dT%H%M%SZ}"/>'
        "</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    ).encode()

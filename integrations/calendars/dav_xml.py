"""WebDAV messages (RFC 4918): responses parsed without document types, and request bodies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from integrations.calendars.errors import NotCalDav

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
CALENDARSERVER = "{http://calendarserver.org/ns/}"
NAMESPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:s="http://calendarserver.org/ns/"'
MAX_RESPONSES = 20_000


class SafeTreeBuilder(TreeBuilder):
    """A tree builder that refuses a document type, and with it entities."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        """Refuse the document type. Raises NotCalDav."""
        raise NotCalDav


@dataclass(frozen=True, slots=True)
class DavResource:
    """A resource of a multistatus response, with the properties that were found."""

    href: str
    properties: Element

    def get_text(self, name: str) -> str | None:
        """Get the text of a property; None when it is absent or empty."""
        element = self.properties.find(name)
        return None if element is None or not element.text else element.text.strip()

    def get_href(self, *path: str) -> str | None:
        """Get the href within a property; None when it is absent."""
        element = self.properties.find("/".join((*path, f"{DAV}href")))
        return None if element is None or not element.text else element.text.strip()

    def has_element(self, *path: str) -> bool:
        """Whether a property holds such an element."""
        return self.properties.find("/".join(path)) is not None

    def find_elements(self, *path: str) -> list[Element]:
        """Find the elements within a property."""
        return self.properties.findall("/".join(path))


def parse_multistatus(body: bytes) -> list[DavResource]:
    """Parse a multistatus response into its resources. Raises NotCalDav."""
    parser = XMLParser(target=SafeTreeBuilder())  # noqa: S314 - no document type, so no entities; the size is bounded
    try:
        parser.feed(body)
        root = parser.close()
    except (ParseError, ValueError, LookupError):
        raise NotCalDav from None
    if root.tag != f"{DAV}multistatus":
        raise NotCalDav
    responses = root.findall(f"{DAV}response")
    if len(responses) > MAX_RESPONSES:
        raise NotCalDav
    return list(iterate_resources(responses))


def iterate_resources(responses: list[Element]) -> Iterator[DavResource]:
    """Yield each response's href with the properties whose status is 200."""
    for response in responses:
        href = response.findtext(f"{DAV}href", "").strip()
        properties = Element("prop")
        for propstat in response.findall(f"{DAV}propstat"):
            if " 200" in propstat.findtext(f"{DAV}status", "HTTP/1.1 200"):
                properties.extend(propstat.findall(f"{DAV}prop/*"))
        if href:
            yield DavResource(href, properties)


def build_propfind(*names: str) -> bytes:
    """Build a PROPFIND body for properties by their prefixed names."""
    elements = "".join(f"<{name}/>" for name in names)
    return f'<?xml version="1.0"?><d:propfind {NAMESPACES}><d:prop>{elements}</d:prop></d:propfind>'.encode()


def build_calendar_query(start: datetime, end: datetime) -> bytes:
    """Build a calendar-query body for whole entries that overlap a time (RFC 4791, 7.8)."""
    return (
        f'<?xml version="1.0"?><c:calendar-query {NAMESPACES}>'
        "<d:prop><d:getetag/><c:calendar-data/></d:prop>"
        '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">'
        f'<c:time-range start="{start:%Y%m%dT%H%M%SZ}" end="{end:%Y%m%dT%H%M%SZ}"/>'
        "</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    ).encode()

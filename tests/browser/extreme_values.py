"""The longest and oddest values that fields allow, added to the sample organisation: no page may break by them."""

from datetime import datetime, timedelta
from uuid import UUID

from api.demo.meetings import SampleBookings, build_guest_context
from api.demo.organisation import FOUNDER, JULIO, PEOPLE
from api.services import Services
from domain.commands.booking_request import BookingRequest, BookingTarget
from domain.commands.single_use_links import SingleUseDetails
from domain.event import Context
from domain.managed_link import ManagedLinkProperties
from domain.meeting_type import MeetingTypeProperties
from domain.person import PersonProperties
from domain.questions import Question
from store.access_log import AccessEntry

UNBROKEN = ("Wolfeschlegelsteinhausenbergerdorff" * 5)[:170]
RIGHT_TO_LEFT = "מרים בן־דוד (ירושלים) 7"
EMOJI = "👩🏽‍🚀 Zoë Ångström 🏳️‍🌈"
LONG_ADDRESS = f"{'grace.' * 10}g@{'department.' * 15}{'x' * 10}.example"
PARAGRAPH = "W" * 1990
LONG_SLUG = "m" * 40
LONG_TYPE = FOUNDER.derive_created_id("extreme-type")
LONG_LINK = JULIO.derive_created_id("extreme-link")
LONG_PERSON = FOUNDER.derive_created_id("extreme-person")


def add_extreme_values(services: Services, now: datetime) -> None:
    """Add a person, a meeting type, links, single-use links and meetings, each with every text as long as it may be."""
    founder = FOUNDER.build_context(now)
    person = PersonProperties(
        name=UNBROKEN,
        email=LONG_ADDRESS,
        time_zone="America/Argentina/ComodRivadavia",
        roles=("member", "manager", "admin", "auditor", "analyst"),
    )
    services.administration.add_person(founder, person, "extreme-person")
    add_accesses(services, now)
    meeting_type = MeetingTypeProperties(
        name=UNBROKEN,
        description=PARAGRAPH,
        location=f"https://meet.example/{PARAGRAPH[:1900]}",
        duration_minutes=30,
        questions=(
            Question(key="k" * 40, label=UNBROKEN, kind="short"),
            Question(key="goal", label=RIGHT_TO_LEFT, kind="long"),
            Question(key="size", label=EMOJI, kind="one_of", options=(UNBROKEN, RIGHT_TO_LEFT)),
            Question(
                key="place", label="Place", kind="one_of", options=tuple(UNBROKEN[number:] for number in range(6))
            ),
            Question(key="topics", label=UNBROKEN, kind="many_of", options=(EMOJI, UNBROKEN)),
            Question(key="terms", label=UNBROKEN, kind="tick"),
            Question(key="phone", label=UNBROKEN, kind="phone"),
        ),
    )
    services.administration.create_meeting_type(founder, meeting_type, "extreme-type")
    add_links(services, now)
    for number, name in enumerate((UNBROKEN, RIGHT_TO_LEFT, EMOJI, UNBROKEN)):
        add_meeting(services, now, number, name)
    services.announce_append()


def add_accesses(services: Services, now: datetime) -> None:
    """Add entries of the access log, with everything that they can have."""
    client = "2001:db8:1234:5678:9abc:def0:1234:5678"
    for kind, reason, actor, details in (
        ("sign_in", None, LONG_PERSON, {"way": "oidc"}),
        ("sign_in_refused", "bound_to_another", None, {"way": "oidc", "what": UNBROKEN}),
        ("role_change", None, FOUNDER.id, {"roles": "admin analyst auditor manager member"}),
        ("key_used_from_new_address", None, LONG_PERSON, {"key": str(LONG_LINK)}),
        ("export", None, LONG_PERSON, {"what": "meeting log"}),
    ):
        person = None if reason else LONG_PERSON
        entry = AccessEntry(now, kind, LONG_LINK.hex, client, actor, person, reason, details)  # type: ignore[arg-type]
        services.access_log.add(entry)


def add_links(services: Services, now: datetime) -> None:
    """Add a link and a managed link of the long meeting type, with the long person as a host."""
    common = {"name": UNBROKEN, "meeting_type_id": LONG_TYPE}
    link = {**common, "slug": LONG_SLUG, "co_host_ids": (LONG_PERSON,), "in_library": True}
    services.links.create_link(JULIO.build_context(now), link, "extreme-link")
    managed_link = ManagedLinkProperties(**common, slug="n" * 30, host_ids=(LONG_PERSON, JULIO.id))
    services.links.create_managed_link(PEOPLE["claire"].build_context(now), managed_link, "extreme-managed", {})


def add_meeting(services: Services, now: datetime, number: int, name: str) -> None:
    """Issue a single-use link of Julio's to somebody, who books it; the last one is cancelled by its host."""
    bookings = SampleBookings(services, {}, now)
    token_id = issue_link(services, JULIO.build_context(now), number, name)
    offer = services.scheduling.load_offer(JULIO.derive_created_id("julio"), fresh=False)
    guest = {"name": name, "email": LONG_ADDRESS, "time_zone": "America/Argentina/ComodRivadavia"}
    start = bookings.find_free_time(offer, number, now)
    request = BookingRequest(start, {"guest": guest, "notes": PARAGRAPH}, f"extreme-{number}")
    services.scheduling.book_meeting(build_guest_context(now), BookingTarget(token_id=token_id), request)
    if number == 3:
        services.scheduling.cancel_meeting(JULIO.build_context(now + timedelta(seconds=1)), token_id, PARAGRAPH)


def issue_link(services: Services, context: Context, number: int, name: str) -> UUID:
    """Issue two single-use links to somebody, and return the first one; the other stays open."""
    recipient = {"name": name, "email": LONG_ADDRESS}
    details = [SingleUseDetails(recipient, UNBROKEN, {UNBROKEN: PARAGRAPH})] * 2
    link_id = JULIO.derive_created_id("julio")
    _, token_ids = services.single_use_links.issue_links(context, link_id, details, f"extreme-{number}", {})
    return token_ids[0]

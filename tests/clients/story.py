"""The README's walk-through with a client of openapi-python-client: `story.py BASE_URL API_KEY`; prints outcomes."""

import sys
from datetime import date, timedelta
from secrets import token_urlsafe

from oncelink_client import AuthenticatedClient, Client
from oncelink_client.api.guests import book_meeting, list_slots, look_at_link, reschedule_own_booking
from oncelink_client.api.links import change_link, create_link
from oncelink_client.api.meeting_log import read_meeting_log
from oncelink_client.api.meeting_types import list_meeting_types
from oncelink_client.api.single_use_links import issue_single_use
from oncelink_client.models import LinkChanges, NewBooking, NewGuest, NewLink, NewSingleUse, NewStart


def main(base_url: str, key: str) -> None:
    """Run the walk-through."""
    member = AuthenticatedClient(base_url, key)
    guest = Client(base_url)
    types = list_meeting_types.sync(client=member).items
    link = create_link.sync(client=member, body=NewLink(name="Intro for Acme", meeting_type_id=types[0].id))
    code, spare = (one.code for one in issue_single_use.sync(link.id, client=member, body=NewSingleUse(count=2)).items)
    first, last = date.today() + timedelta(1), date.today() + timedelta(14)
    slots = list_slots.sync(code, client=guest, from_=first, to=last, time_zone="Europe/Berlin").slots
    body = NewBooking(slots[3].start, NewGuest("Grace", "grace@acme.example", "Europe/Berlin"))
    request_key = token_urlsafe(24)
    booked = book_meeting.sync_detailed(code, client=guest, body=body, idempotency_key=request_key)
    print(booked.status_code.value)
    used = book_meeting.sync_detailed(code, client=guest, body=body, idempotency_key=token_urlsafe(24))
    print(used.status_code.value, used.parsed.code)
    again = book_meeting.sync_detailed(code, client=guest, body=body, idempotency_key=request_key)
    print(again.status_code.value, again.headers["Idempotent-Replayed"], again.parsed == booked.parsed)
    manage_code = booked.parsed.manage_url.rpartition("/")[2]
    moved = reschedule_own_booking.sync_detailed(manage_code, client=guest, body=NewStart(slots[9].start))
    print(moved.parsed.booking.status)
    change_link.sync(link.id, client=member, body=LinkChanges(meeting_type_id=types[1].id))
    print(look_at_link.sync(spare, client=guest).meeting_type.name == types[1].name)
    print(look_at_link.sync("nothing", client=guest).code)
    position = int(moved.headers["Oncelink-Position"])
    rows = read_meeting_log.sync(client=member, link_id=link.id, oncelink_min_position=position).items
    print(rows[0].link_type)


main(*sys.argv[1:])

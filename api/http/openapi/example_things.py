"""The people and things of the examples in the OpenAPI document: a story of one meeting."""

from uuid import NAMESPACE_URL, uuid5


def derive_id(thing: str) -> str:
    """Derive the id that a thing has in all examples."""
    return str(uuid5(NAMESPACE_URL, f"urn:oncelink:example:{thing}"))


def name_thing(thing: str, name: str) -> dict[str, str]:
    """Name a thing as answers do: its id and its name."""
    return {"id": derive_id(thing), "name": name}


THANKS = "Thank you for your time. The slides are on our page."
HOST = name_thing("person", "Julio Ramos")
ENGINEER = name_thing("engineer", "Ada Engineer")
LINK = name_thing("link", "Intro call")
MEETING_TYPE = name_thing("meeting type", "Intro")
TEAM = name_thing("team", "Sales engineering")
HOURS = {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "tue": [["09:00", "17:00"]], "wed": [], "thu": [], "fri": []}
CODE = "kJ3vQ9mZx7Yt2bWn5RcH8sLd4PfG6aVu1EoKiNyTqXw"
MANAGE_CODE = "Tq8LwZ3nVb6Hs1Yk9RmPf4XcJd7GuA2eEo5KiNyWtQx"
FEED = "https://calendar.example.com/private/julio.ics"
CALDAV = "https://dav.example.com/calendars/julio"
ROOT_HASH = "m0zNB1dJ3XqK6vQ2a7yT8wL5cR9eH4uF0sPbGiUoYkE="
LEAF_HASH = "b9QwT2xV7nLz4KcY8mRj1HdF6sGa3PeUo5IiNyEtXkA="

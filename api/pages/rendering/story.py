"""The story of a meeting for people: what mails and calendars were told is one line with a state, not an event each."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, TypedDict

from domain.notifications.rules import CHANNEL_BY_EVENT, CHANNELS
from replay.history.event_rows import HistoryRow

STATE_ORDER = ("failed", "owed", "printed", "sent")  # the first that one of several has is the state of all


class Delivery(TypedDict):
    """What became of all notifications about one event over one channel: how many there are, and their worst state."""

    channel: str
    count: int
    state: str


class StoryEvent(HistoryRow):
    """An event with the deliveries about it."""

    deliveries: list[Delivery]


class EventGroup(TypedDict):
    """Numbered events that stand together: a single one, or notifications in a row with their deliveries."""

    events: list[tuple[int, HistoryRow]]
    deliveries: list[Delivery]


def get_event_name(event: HistoryRow) -> str:
    """Return the name of an event, without its version."""
    return event["type"].partition(".")[0]


def is_notification(event: HistoryRow) -> bool:
    """Return whether an event is the outcome of a notification, or a request to send it again."""
    return get_event_name(event) in CHANNEL_BY_EVENT


def fold_notifications(events: Sequence[HistoryRow]) -> list[StoryEvent]:
    """Return a stream's events, each with the deliveries about it instead of the events of its notifications."""
    return [
        StoryEvent(
            **event,
            deliveries=summarize_deliveries(
                row for row in events if is_notification(row) and row["data"].get("cause_version") == event["version"]
            ),
        )
        for event in events
        if not is_notification(event)
    ]


def group_notifications(events: Sequence[Any]) -> list[EventGroup]:
    """Return all events with their numbers, from 1; those of notifications in a row are one group."""
    groups: list[EventGroup] = []
    for has_notifications, rows in groupby(enumerate(events, 1), key=lambda row: is_notification(row[1])):
        numbered_events = list(rows)
        if has_notifications:
            deliveries = summarize_deliveries(event for _, event in numbered_events)
            groups.append({"events": numbered_events, "deliveries": deliveries})
        else:
            groups += [{"events": [row], "deliveries": []} for row in numbered_events]
    return groups


def group_by_meeting(events: Sequence[Any]) -> list[EventGroup]:
    """Return the events of many streams, newest first; those of the notifications of one in a row are one group."""
    groups: list[EventGroup] = []
    for stream_id, rows in groupby(events, key=lambda event: event["stream_id"] if is_notification(event) else None):
        stream_events = list(rows)
        deliveries = summarize_deliveries(reversed(stream_events)) if stream_id else []
        parts = [stream_events] if deliveries else [[event] for event in stream_events]
        groups += [
            {"events": [(event["version"], event) for event in part], "deliveries": deliveries} for part in parts
        ]
    return groups


def summarize_deliveries(events: Iterable[HistoryRow]) -> list[Delivery]:
    """Return one delivery for each channel, from the last event of each notification."""
    states: dict[str, dict[Any, str]] = {}
    for event in events:
        data = event["data"]
        if data.get("reason") == "no_longer_wanted":
            continue
        notification = tuple(str(data.get(name)) for name in ("cause_version", "to", "person_id", "offset_minutes"))
        states.setdefault(CHANNEL_BY_EVENT[get_event_name(event)], {})[notification] = derive_delivery_state(event)
    return [
        {"channel": channel, "count": len(its), "state": min(its.values(), key=STATE_ORDER.index)}
        for channel, its in states.items()
    ]


def derive_delivery_state(event: HistoryRow) -> str:
    """Return the state of a notification after an event of it, as the list of a meeting's mails names it."""
    channel, name = CHANNELS[CHANNEL_BY_EVENT[get_event_name(event)]], get_event_name(event)
    if name == channel.sent_event:
        return "printed" if event["data"].get("by") == "console" else "sent"
    return "failed" if name == channel.failed_event and event["data"].get("last") else "owed"

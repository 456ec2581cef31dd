"""`oncelink history` and `oncelink as-of`."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.cli.command_context import Json, explain_errors, use_services
from api.http.validation_messages import parse_id
from api.instant_parsing import parse_as_of
from domain.refusals import NotFound
from integrations.plain_text import to_one_line
from projections.queries.query import iterate_pages
from replay import as_of
from replay.history import event_history
from replay.history.event_rows import HistoryRow, redact_busy_feed
from store.database import Database

MAX_ROWS = 10_000
MAX_COLUMNS = 8  # more than that no terminal shows
MAX_TEXT = 2_000


def register_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(name="history")(print_history)
    app.command(name="as-of")(print_as_of)


def print_history(
    id: Annotated[str, typer.Argument(help="The id of a link, single-use link, booking, person or meeting type.")],
    as_json: Json = False,
) -> None:
    """One stream's story: what happened to it, when, and who did it."""
    with explain_errors(), use_services() as services:
        rows = map(redact_busy_feed, iterate_events(services.database, parse_id(id)))
        if as_json:
            print(json.dumps(to_jsonable_python(list(rows)), ensure_ascii=False))
        else:
            print_events(rows, Console())


def print_as_of(
    instant: Annotated[str, typer.Argument(help="An instant (RFC 3339), or a position of the log.")],
    read_model: Annotated[str, typer.Argument(help=f"One of {', '.join(as_of.LISTS)}.")],
    limit: Annotated[int, typer.Option(min=1, max=MAX_ROWS, help="How many rows.")] = 50,
    as_json: Json = False,
) -> None:
    """A read model as it stood at an instant, with the names of then; newest first."""
    with explain_errors(), use_services() as services:
        at, rows = as_of.list_rows(services.database, read_model, parse_as_of(instant), services.clock(), limit)
        rows = [{**row, "busy_feed_url": None} if "busy_feed_url" in row else row for row in rows]  # a secret
        if as_json:
            data = {"position": at.position, "at": at.instant, "read_model": read_model, "items": rows}
            print(json.dumps(to_jsonable_python(data), ensure_ascii=False))
        else:
            title = f"{read_model} at position {at.position}, {at.instant:%Y-%m-%d %H:%M:%S} UTC"
            print_rows(rows, title, Console())


def iterate_events(db: Database, id: UUID) -> Iterable[HistoryRow]:
    """Iterate over every event of a stream, page by page. Raises NotFound."""
    if event_history.list_stream_events(db, id, limit=1) is None:
        raise NotFound
    return iterate_pages(lambda cursor: event_history.list_stream_events(db, id, cursor=cursor))  # type: ignore[arg-type, return-value]


def print_events(rows: Iterable[Mapping[str, Any]], console: Console) -> None:
    """Print a timeline: each event's instant, sentence, origin and changes."""
    for row in rows:
        at = f"{row['occurred_at'] or row['recorded_at']:%Y-%m-%d %H:%M:%S}"
        console.print(f"[dim]{at}[/dim]  {escape_text(row['sentence'])}", highlight=False)
        origin = f"position {row['position']}, {row['type']}, by {row['actor']['kind']}, from {row['source'] or '?'}"
        console.print(
            f"[dim]{'':19}  {escape(origin)}, request {escape(row['request_id'] or '?')}[/dim]", highlight=False
        )
        for change in row["changes"]:
            line = f"{change['field']}: {format_value(change['from'])} → {format_value(change['to'])}"
            console.print(f"{'':21}{escape_text(line)}", highlight=False)
        if row["erased"]:
            console.print(f"{'':21}[italic]details erased[/italic]")


def print_rows(rows: list[Mapping[str, Any]], title: str, console: Console) -> None:
    """Print a table of the rows' first columns."""
    if not rows:
        console.print(f"{title}: nothing.", highlight=False, markup=False)
        return
    names = list(rows[0])[:MAX_COLUMNS]
    table = Table(*names, title=escape(title))
    for row in rows:
        table.add_row(*(escape_text(format_value(row[name])) for name in names))
    console.print(table)


def escape_text(text: str) -> str:
    """Escape a text from anybody for the terminal: no markup, and no control character or character of direction."""
    return escape(to_one_line(text, MAX_TEXT))


def format_value(value: Any) -> str:
    """Format a value for a line of text: a thing by its name, None as a dash."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        name = value.get("name")
        return str(name) if name is not None else json.dumps(to_jsonable_python(value), ensure_ascii=False)
    if isinstance(value, list):
        return ", ".join(map(format_value, value)) or "–"
    return str(to_jsonable_python(value))

"""The commands that look back: `oncelink history` and `oncelink as-of`."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.cli.command_context import Json, composed, explained
from api.clock import now
from api.http.validation_messages import known_id
from api.instant_parsing import parsed_at
from domain.refusals import NotFound
from projections.queries.query import all_pages
from replay import as_of
from replay.history import event_history
from replay.history.event_rows import HistoryRow
from store.database import Database

MOST_ROWS = 10_000
COLUMNS = 8  # more than that no terminal shows


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(name="history")(history_command)
    app.command(name="as-of")(as_of_command)


def history_command(
    id: Annotated[str, typer.Argument(help="The id of a link, single-use link, booking, person or meeting type.")],
    as_json: Json = False,
) -> None:
    """One stream's story: what happened to it, when, and who did it."""
    with explained(), composed() as oncelink:
        rows = story(oncelink.database, known_id(id))
        if as_json:
            print(json.dumps(to_jsonable_python(list(rows)), ensure_ascii=False))
        else:
            show_story(rows, Console())


def as_of_command(
    instant: Annotated[str, typer.Argument(help="An instant (RFC 3339), or a position of the log.")],
    read_model: Annotated[str, typer.Argument(help=f"One of {', '.join(as_of.LISTS)}.")],
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="How many rows.")] = 50,
    as_json: Json = False,
) -> None:
    """A read model as it stood at an instant, with the names of then; newest first."""
    with explained(), composed() as oncelink:
        at, rows = as_of.rows(oncelink.database, read_model, parsed_at(instant), now(), limit)
        if as_json:
            facts = {"position": at.position, "at": at.instant, "read_model": read_model, "items": rows}
            print(json.dumps(to_jsonable_python(facts), ensure_ascii=False))
        else:
            title = f"{read_model} at position {at.position}, {at.instant:%Y-%m-%d %H:%M:%S} UTC"
            show_rows(rows, title, Console())


def story(db: Database, id: UUID) -> Iterable[HistoryRow]:
    """Every event of a stream, page after page. Raises NotFound."""
    if event_history.stream(db, id, limit=1) is None:
        raise NotFound
    return all_pages(lambda cursor: event_history.stream(db, id, cursor=cursor))  # type: ignore[arg-type, return-value]


def show_story(rows: Iterable[HistoryRow], console: Console) -> None:
    """A timeline: each event's instant and sentence, and below them where it came from and what it changed."""
    for row in rows:
        at = f"{row['occurred_at'] or row['recorded_at']:%Y-%m-%d %H:%M:%S}"
        console.print(f"[dim]{at}[/dim]  {escape(row['sentence'])}", highlight=False)
        origin = f"position {row['position']}, {row['type']}, by {row['actor']['kind']}, from {row['source'] or '?'}"
        console.print(
            f"[dim]{'':19}  {escape(origin)}, request {escape(row['request_id'] or '?')}[/dim]", highlight=False
        )
        for change in row["changes"]:
            line = f"{change['field']}: {plain(change['from'])} → {plain(change['to'])}"
            console.print(f"{'':21}{escape(line)}", highlight=False)
        if row["erased"]:
            console.print(f"{'':21}[italic]details erased[/italic]")


def show_rows(rows: list[Mapping[str, Any]], title: str, console: Console) -> None:
    """A table of the first columns of the rows."""
    if not rows:
        console.print(f"{title}: nothing.", highlight=False, markup=False)
        return
    names = list(rows[0])[:COLUMNS]
    table = Table(*names, title=escape(title))
    for row in rows:
        table.add_row(*(escape(plain(row[name])) for name in names))
    console.print(table)


def plain(value: Any) -> str:
    """A value in a line of text: a thing by its name, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        named = value.get("name")
        return str(named) if named is not None else json.dumps(to_jsonable_python(value), ensure_ascii=False)
    if isinstance(value, list):
        return ", ".join(map(plain, value)) or "–"
    return str(to_jsonable_python(value))

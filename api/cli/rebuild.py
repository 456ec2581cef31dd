"""`oncelink rebuild`: read models built again from the log, beside those that serve."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Task as Line
from rich.text import Text

from api.cli.command_context import Json, composed, console, explained
from projections.rebuild import progress
from projections.rebuild.load import Built
from replay.rebuild import Rebuild, refuse_unknown

STEPS = 1_000  # of a bar, which moves with all work: events, then indexes


class EventsPerSecond(ProgressColumn):
    """How many events are folded in a second."""

    def render(self, task: Line) -> Text:
        """The events over the time that they took."""
        seconds, events = task.fields["seconds"], task.fields["done"]
        return Text(f"{events / seconds:,.0f} events/s" if seconds else "", style="progress.data.speed")


@contextmanager
def bars(quiet: bool) -> Iterator["Bars"]:
    """Progress bars on standard error, unless a machine reads."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]:,}/{task.fields[events]:,} events"),
        EventsPerSecond(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as progress:
        yield Bars(progress)


class Bars:
    """A bar for each read model, from the moment that it is told of."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.lines: dict[str, tuple[TaskID, float]] = {}

    def told(self, of: progress.Progress) -> None:
        """Moves a bar."""
        name = of.model.name
        if name not in self.lines:
            line = self.progress.add_task(name, total=STEPS, events=of.total, done=0, seconds=0.0)
            self.lines[name] = (line, self.progress.get_time())
        line, began = self.lines[name]
        seconds = self.progress.get_time() - began if of.done else 0.0
        self.progress.update(line, completed=of.share * STEPS, done=of.done, seconds=seconds)


def rebuild(
    names: Annotated[list[str] | None, typer.Argument(help="Which read models; all when none is named.")] = None,
    as_json: Json = False,
) -> None:
    """Build read models again from the log, beside those that serve, then switch to them."""
    wanted = names or []
    with explained():
        refuse_unknown(wanted)
        with composed() as oncelink, bars(quiet=as_json) as shown:
            built = Rebuild.begun(oncelink.database, wanted, told=shown.told).run()
        if as_json:
            print(json.dumps({"read_models": [summary(one) for one in built]}))
        else:
            console.print(f"{len(built)} read models were rebuilt and are live.")


def summary(built: Built) -> dict[str, object]:
    """What a machine reads of one."""
    return {
        "name": built.model.name,
        "version": built.model.version,
        "events": built.events,
        "seconds": round(built.seconds, 3),
    }

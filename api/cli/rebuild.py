"""`oncelink rebuild`: rebuilds read models from the log beside the live ones."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Task as Line
from rich.text import Text

from api.cli.command_context import Json, console, explain_errors, use_services
from projections.rebuild.load import RebuildResult
from projections.rebuild.progress import Progress as RebuildProgress
from replay.rebuild import begin_rebuild, refuse_unknown_names

STEPS = 1_000  # of a bar, which moves with all work: events, then indexes


class EventsPerSecond(ProgressColumn):
    """The number of events folded per second."""

    def render(self, task: Line) -> Text:
        """The events over the time that they took."""
        seconds, events = task.fields["seconds"], task.fields["done"]
        return Text(f"{events / seconds:,.0f} events/s" if seconds else "", style="progress.data.speed")


@contextmanager
def show_progress(quiet: bool) -> Iterator["ProgressBars"]:
    """Show progress bars on standard error, unless `quiet`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]:,}/{task.fields[events]:,} events"),
        EventsPerSecond(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as progress:
        yield ProgressBars(progress)


class ProgressBars:
    """One progress bar for each read model."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.tasks: dict[str, tuple[TaskID, float]] = {}

    def update_bar(self, rebuild_progress: RebuildProgress) -> None:
        """Update a read model's bar; the first update adds it."""
        name = rebuild_progress.model.name
        if name not in self.tasks:
            task_id = self.progress.add_task(name, total=STEPS, events=rebuild_progress.total, done=0, seconds=0.0)
            self.tasks[name] = (task_id, self.progress.get_time())
        task_id, started_at = self.tasks[name]
        seconds = self.progress.get_time() - started_at if rebuild_progress.done else 0.0
        self.progress.update(
            task_id, completed=rebuild_progress.share * STEPS, done=rebuild_progress.done, seconds=seconds
        )


def rebuild(
    names: Annotated[list[str] | None, typer.Argument(help="Which read models; all when none is named.")] = None,
    as_json: Json = False,
) -> None:
    """Build read models again from the log, beside those that serve, then switch to them."""
    read_models = names or []
    with explain_errors():
        refuse_unknown_names(read_models)
        with use_services() as services, show_progress(quiet=as_json) as bars:
            results = begin_rebuild(services.database, read_models, on_progress=bars.update_bar).run()
        if as_json:
            print(json.dumps({"read_models": [summarize_result(result) for result in results]}))
        else:
            console.print(f"{len(results)} read models were rebuilt and are live.")


def summarize_result(result: RebuildResult) -> dict[str, object]:
    """Summarize a result for the JSON output."""
    return {
        "name": result.model.name,
        "version": result.model.version,
        "events": result.events,
        "seconds": round(result.seconds, 3),
    }

"""Begins a rebuild of read models from the log. The old tables serve meanwhile; only one rebuild runs at a time."""

from collections.abc import Callable, Sequence

from domain.refusals import Invalid, NewerVersionLive, NotFound
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.rebuild.job import RebuildRun
from projections.rebuild.live_tables import read_live_versions
from projections.rebuild.progress import Progress, RebuildLock, ignore_progress
from store.database import Database


def begin_rebuild(
    db: Database,
    names: Sequence[str] = (),
    catalogue: Sequence[ReadModel] = READ_MODELS,
    on_progress: Callable[[Progress], None] = ignore_progress,
) -> RebuildRun:
    """Begins a rebuild of these read models, or of all. Models with an older live version, or none, are built too.

    The status of the read models says so at once; `run` builds them. Raises NotFound for an unknown name,
    RebuildRunning, NewerVersionLive, psycopg.OperationalError.
    """
    requested_models = find_models(names, catalogue)
    live_versions = read_live_versions(db)
    if any(live_versions.get(model.name, 0) > model.version for model in requested_models):
        raise NewerVersionLive
    models = [
        model for model in catalogue if model in requested_models or live_versions.get(model.name, 0) < model.version
    ]
    return RebuildRun.begin(RebuildLock.acquire(db, on_progress=on_progress), catalogue, models)


def find_models(names: Sequence[str], catalogue: Sequence[ReadModel] = READ_MODELS) -> list[ReadModel]:
    """The read models of these names; all of them for no names. Raises NotFound."""
    models_by_name = {model.name: model for model in catalogue}
    if not models_by_name.keys() >= set(names):
        raise NotFound
    return [models_by_name[name] for name in names] or list(catalogue)


def refuse_unknown_names(names: Sequence[str]) -> None:
    """Raises Invalid for an unknown name; the message lists the known ones."""
    known_names = [model.name for model in READ_MODELS]
    for name in names:
        if name not in known_names:
            raise Invalid(name, f"There is no such read model; there are {', '.join(known_names)}.")

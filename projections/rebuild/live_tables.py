"""The live tables: built at the first start, and rebuilt beside the old ones when the code has other versions."""

from collections.abc import Sequence

from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.rebuild.job import RebuildRun
from projections.rebuild.progress import RebuildLock
from projections.table_lookup import find_live_tables
from store.database import Database


def ensure_tables(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> list[str]:
    """Builds the read models that are not live in their version, and switches to them. Returns their names.

    Several processes may start together: one builds, the others wait. Raises CannotFold, NoMomentToSwitch,
    psycopg.Error: then nothing has changed.
    """
    rebuild = begin_missing_rebuild(RebuildLock.acquire(db, wait=True), models)
    return [result.model.name for result in rebuild.run()] if rebuild else []


def begin_missing_rebuild(lock: RebuildLock, models: Sequence[ReadModel]) -> RebuildRun | None:
    """Begins a rebuild of the read models that are not live in their version.

    Without any, releases the lock and returns None. Raises psycopg.Error.
    """
    with lock.release_on_error():
        missing_models = find_missing_models(lock.db, models)
    if missing_models:
        return RebuildRun.begin(lock, models, missing_models)
    lock.release()
    return None


def find_missing_models(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> list[ReadModel]:
    """The read models that are not live in this program's version."""
    live_versions = read_live_versions(db)
    return [model for model in models if live_versions.get(model.name) != model.version]


def read_live_versions(db: Database) -> dict[str, int]:
    """The version of each live table, by read model name. Raises psycopg.OperationalError."""
    with db.connect() as connection:
        live_tables = find_live_tables(lambda text: connection.execute(db.compose_query(text)))
    return {name: live_table.version for name, live_table in live_tables.items()}


def has_current_versions(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> bool:
    """Whether exactly the versions that this program folds are live. Raises psycopg.OperationalError."""
    return read_live_versions(db) == {model.name: model.version for model in models}

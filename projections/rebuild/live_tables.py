"""The live tables: built at the first start, and rebuilt beside the old ones when the code has other versions."""

from collections.abc import Sequence

from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.rebuild.job import RebuildRun
from projections.rebuild.progress import RebuildLock
from projections.rebuild.swap import LIVE_TABLES
from store.database import Database


def ensure_tables(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> list[str]:
    """Builds the read models that are not live in their version, and switches to them. Returns their names.

    Several processes may start together: one builds, the others wait. Raises CannotFold, NoMomentToSwitch,
    psycopg.Error: then nothing has changed.
    """
    lock = RebuildLock.acquire(db, wait=True)
    try:
        missing_models = find_missing_models(db, models)
        if missing_models:
            lock.announce_rebuild(missing_models)
            RebuildRun(lock, models, missing_models).run()
        return [model.name for model in missing_models]
    finally:
        lock.connection.close()


def find_missing_models(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> list[ReadModel]:
    """The read models that are not live in this program's version."""
    live_versions = read_live_versions(db)
    return [model for model in models if live_versions.get(model.name) != model.version]


def read_live_versions(db: Database) -> dict[str, int]:
    """The version of each live table, by read model name."""
    with db.connect() as connection:
        rows = connection.execute(db.compose_query(LIVE_TABLES)).fetchall()
    return {row["name"]: row["version"] for row in rows}


def has_current_versions(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> bool:
    """Whether exactly the versions that this program folds are live. Raises psycopg.OperationalError."""
    return read_live_versions(db) == {model.name: model.version for model in models}

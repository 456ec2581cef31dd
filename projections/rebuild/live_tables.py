"""The live tables: made at the first start, and built anew beside the old ones when the code has other versions."""

from collections.abc import Sequence

from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.rebuild.job import Building
from projections.rebuild.progress import Claim
from projections.rebuild.swap import LIVE
from store.database import Database


def ensure(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> list[str]:
    """Builds the read models that are not live in their version, and switches to them; the names of those built.

    Several processes may start together: one builds, the others wait. Raises CannotFold, NoMomentToSwitch,
    psycopg.Error when nothing has changed.
    """
    claim = Claim.taken(db, wait=True)
    try:
        wanted = missing(db, models)
        if wanted:
            claim.announce(wanted)
            Building(claim, models, wanted).run()
        return [model.name for model in wanted]
    finally:
        claim.connection.close()


def missing(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> list[ReadModel]:
    """The read models that are not live in the version that this program has."""
    live = versions(db)
    return [model for model in models if live.get(model.name) != model.version]


def versions(db: Database) -> dict[str, int]:
    """The version of each live table, by its read model's name."""
    with db.connect() as connection:
        rows = connection.execute(db.text(LIVE)).fetchall()
    return {row["name"]: row["version"] for row in rows}


def are_current(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> bool:
    """Whether exactly the versions that this program folds are live. Raises psycopg.OperationalError."""
    return versions(db) == {model.name: model.version for model in models}

"""The service with one route more, which only runs the bare SQL of a booking: the floor of bookings over HTTP."""

from typing import Any

from fastapi import Body, FastAPI

from api.app import create as create_service
from api.http.dependencies import Parts

READ = "SELECT stream_id, version, type, data FROM {schema}.events WHERE stream_id = %s ORDER BY version"
APPEND = "SELECT {schema}.append(%s, %s, %s, %s, %s, %s) AS positions"


def create() -> FastAPI:
    """The service and the floor, as a server's worker makes them."""
    app = create_service()

    @app.post("/floor/{token}", status_code=201)
    def floor(parts: Parts, token: str, call: list[str] = Body()) -> dict[str, Any]:
        parts.database.rows(READ, (token,))
        [row] = parts.database.rows(APPEND, call)
        parts.appended()
        return {"position": row["positions"][-1]}

    return app

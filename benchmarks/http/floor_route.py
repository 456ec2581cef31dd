"""The service with one more route, which only runs the bare SQL of a booking: the floor of bookings over HTTP."""

from typing import Any

from fastapi import Body, FastAPI

from api.app import create_app as create_service
from api.http.bounded_protocol import build_protocol_factory
from api.http.dependencies import CurrentServices
from api.settings import read_settings

READ = "SELECT stream_id, version, type, data FROM {schema}.events WHERE stream_id = %s ORDER BY version"
APPEND = "SELECT {schema}.append(%s, %s, %s, %s, %s, %s) AS positions"


def create_protocol(**arguments: Any) -> Any:
    """Create a connection of the service, with its bounds, as uvicorn asks for one."""
    return build_protocol_factory(read_settings())(**arguments)


def create_benchmark_app() -> FastAPI:
    """Create the service with the floor's route. The factory that uvicorn calls in each worker."""
    app = create_service()

    @app.post("/floor/{token}", status_code=201)
    def book_with_bare_sql(services: CurrentServices, token: str, call: list[str] = Body()) -> dict[str, Any]:
        services.database.fetch_rows(READ, (token,))
        [row] = services.database.fetch_rows(APPEND, call)
        services.announce_append()
        return {"position": row["positions"][-1]}

    return app

"""A bare server: an async FastAPI route that does nothing, and one that inserts what a booking inserts."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool

from api.v1.request_bodies import NewBooking

DATABASE_URL = "ONCELINK_DATABASE_URL"
# the same rows as a booking of a single-use link, with the same indexes and constraints; nothing is checked before
INSERT = """
WITH event AS (
    INSERT INTO oncelink.events (stream_id, version, type, data) VALUES (%s, 1, 'MeetingBooked.v1', %s)
    RETURNING position
), reservation AS (
    INSERT INTO oncelink.reservations (booking_id, host_id, during) VALUES (%s, %s, tstzrange(%s, %s))
), details AS (
    INSERT INTO oncelink.personal_details (id, stream_id, salt, data, words)
    VALUES (%s, %s, %s, %s, oncelink.words(%s))
)
SELECT position FROM event
"""


@asynccontextmanager
async def open_pool(app: FastAPI) -> AsyncIterator[None]:
    """Open the connections; a role that may write the log, which the service may not."""
    url = os.environ[DATABASE_URL]
    async with AsyncConnectionPool(url, min_size=8, max_size=8, kwargs={"autocommit": True}) as pool:
        app.state.pool = pool
        yield


def create_bare_app() -> FastAPI:
    """Create the application: the factory that uvicorn calls."""
    app = FastAPI(lifespan=open_pool, telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.get("/healthz")
    async def answer_health() -> dict[str, str]:
        return {}

    @app.post("/empty", status_code=201)
    async def answer_nothing(body: NewBooking) -> dict[str, str]:
        return {}

    @app.post("/insert/{token}/{host}", status_code=201)
    async def insert_booking(token: str, host: str, body: NewBooking) -> dict[str, Any]:
        async with app.state.pool.connection() as connection:
            cursor = await connection.execute(INSERT, build_rows(token, host, body))
            [position] = await cursor.fetchone()
        return {"position": position}

    return app


def build_rows(token: str, host: str, body: NewBooking) -> list[Any]:
    """Build the values of a booking's rows, as large as the service's."""
    end, details_id = body.start + timedelta(minutes=30), str(uuid4())
    event = {
        "actor": {"id": None, "kind": "guest"},
        "details_digest": "0" * 64,
        "details_id": details_id,
        "ends_at": end.isoformat(),
        "held_from": body.start.isoformat(),
        "held_until": end.isoformat(),
        "host_ids": [host],
        "host_versions": [1],
        "link_id": token,
        "link_kind": "standard",
        "link_version": 1,
        "meeting_type_id": token,
        "meeting_type_version": 1,
        "occurred_at": datetime.now(UTC).isoformat(),
        "request_digest": "0" * 64,
        "request_id": "0" * 32,
        "request_key": "0" * 64,
        "source": "web",
        "starts_at": body.start.isoformat(),
    }
    details = {"guest": body.guest.model_dump(), "notes": body.notes}
    return [
        *(token, json.dumps(event)),
        *(token, host, body.start, end),
        *(details_id, token, os.urandom(16), json.dumps(details), f"{body.guest.name} {body.guest.email}"),
    ]

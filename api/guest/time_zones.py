"""The time zones to choose from, for the search of the guest's pages."""

import json
from functools import cache

from fastapi import APIRouter
from fastapi.responses import Response

from integrations.time_zone_names import list_time_zone_names

router = APIRouter(include_in_schema=False)

CACHE_HEADERS = {"Cache-Control": "public, max-age=86400"}


@router.get("/time-zones")
async def list_zones() -> Response:
    """Return for each zone its id, place, name, the words of each of its fields, and its order among equal matches."""
    return Response(build_body(), media_type="application/json", headers=CACHE_HEADERS)


@cache
def build_body() -> bytes:
    """Build the body of the response, which is the same for everybody."""
    rows = [
        (zone.id, zone.place, zone.name, [" ".join(words) for words in zone.search_words], zone.order)
        for zone in list_time_zone_names()
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()

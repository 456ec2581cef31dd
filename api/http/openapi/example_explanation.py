"""Examples of explanations in the OpenAPI document."""

from typing import Any

from api.http.openapi.example_things import HOST, LINK

START = "2027-01-18T17:00:00Z"
EXPLANATION_VALUES: dict[str, Any] = {
    "Explanation.link": {"id": LINK["id"], "name": LINK["name"]},
    "Explanation.start": START,
    "Explanation.at": "2027-01-14T09:30:00Z",
    "Explanation.position": None,
    "Explanation.on_offer": False,
    "Explanation.unknown": None,
    "Explanation.verdicts": [
        {
            "policy": "hours",
            "passes": False,
            "reason": "Ann works 09:00–17:00 on Mon 18 Jan (UTC), and the meeting would be from 17:00 to 17:30.",
            "person": {"id": HOST["id"], "name": HOST["name"]},
            "role": "host",
            "fillings": None,
        }
    ],
}

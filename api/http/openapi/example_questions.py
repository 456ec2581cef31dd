"""Values of the examples of questions and answers in the OpenAPI document."""

from typing import Any

QUESTION_VALUES: dict[str, Any] = {
    "NewBooking.answers": {"company": "Acme", "seats": 12},
    "answers": [{"key": "company", "label": "Your company", "kind": "short", "value": "Acme"}],
    "questions": [
        {"key": "company", "label": "Your company", "kind": "short", "required": True, "options": []},
        {"key": "seats", "label": "Seats", "kind": "number", "required": False, "options": []},
    ],
}

"""Values of the examples of teams in the OpenAPI document."""

from typing import Any

from api.http.openapi.example_things import ENGINEER, TEAM

TEAM_VALUES: dict[str, Any] = {
    "Team.id": TEAM["id"],
    "Team.name": TEAM["name"],
    "NewTeam.name": TEAM["name"],
    "TeamChanges.name": TEAM["name"],
    "TeamMemberRow.person_id": ENGINEER["id"],
    "TeamMemberRow.name": ENGINEER["name"],
    "NewTeamMember.person_id": ENGINEER["id"],
    "RecountedMember.person_id": ENGINEER["id"],
    "RecountedMember.name": ENGINEER["name"],
    "month": "2027-01",
    "choices": 12,
    "different": 4,
    "happened": 3,
    "recounted": 6,
    "team": TEAM,
    "team_id": TEAM["id"],
    "weight": 2,
    "priority": 0,
}

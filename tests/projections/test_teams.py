"""Teams, and the choice of a member in the meeting log, as queries of the live tables and of the log return them."""

from uuid import UUID, uuid4

from domain.member_choice import Candidate, MemberChoice
from domain.team import TeamCreated, TeamDeleted, TeamMember, TeamUpdated
from projections import log_rows, meeting_log, teams
from projections.meeting_log import MeetingFilters
from tests.projections.conftest import SourceFactory
from tests.projections.story import DAY, LogBuilder


def create_team(builder: LogBuilder, *people: UUID) -> UUID:
    """Create a team, the first of which has the weight 2. Return the id."""
    id = uuid4()
    members = tuple(TeamMember(person_id=person, weight=2 if person == people[0] else 1) for person in people)
    builder.append_event(id, TeamCreated, name="Engineers", members=members)
    return id


def test_a_team_as_last_changed(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID) -> None:
    id = create_team(builder, bob, ada)
    row = teams.find_team(source_factory(), id)
    assert row is not None
    assert row["members"] == [
        {"person_id": bob, "name": "Bob Cohost", "weight": 2, "priority": 0, "active": True},
        {"person_id": ada, "name": "Ada Host", "weight": 1, "priority": 0, "active": True},
    ]
    builder.append_event(id, TeamUpdated, name="Sales", members=(TeamMember(person_id=ada, priority=3),))
    [row] = teams.list_teams(source_factory(), q="sal", member_id=ada).items
    assert (row["name"], row["version"], [one["priority"] for one in row["members"]]) == ("Sales", 2, [3])
    assert teams.list_teams(source_factory(), member_id=bob).items == []
    builder.append_event(id, TeamDeleted)
    assert teams.find_team(source_factory(), id) is None
    assert teams.list_teams(source_factory()).items == []


def test_the_choice_of_a_meeting(
    builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
) -> None:
    team = create_team(builder, bob, ada)
    link = builder.create_link(ada, intro, team_id=team)
    candidates = (Candidate(person_id=bob, count=2, weight=2, priority=0), Candidate(person_id=ada, **VALUES))
    choice = MemberChoice(team_id=team, team_version=1, person_id=bob, candidates=candidates)
    token = builder.book_meeting(link, [ada, bob], intro, builder.now + DAY, chosen=choice)
    other = builder.book_meeting(link, [ada], intro, builder.now + 2 * DAY)
    unused = builder.issue_single_use_link(link, ada)
    builder.append_event(team, TeamDeleted)  # its name stays
    source = source_factory()
    row = meeting_log.find_meeting(source, token)
    assert row is not None
    assert row["team"] == {"id": team, "name": "Engineers"}
    assert row["chosen"] is not None
    assert (row["chosen"]["person"], row["chosen"]["team_version"]) == ({"id": bob, "name": "Bob Cohost"}, 1)
    assert [(one["name"], one["count"], one["weight"]) for one in row["chosen"]["candidates"]] == [
        ("Bob Cohost", 2, 2),
        ("Ada Host", 3, 1),
    ]
    assert row["chosen"]["candidates"][1]["sentence"] == (
        "Ada Host: 3 meetings this month, weight 1, a share of 3; more than Bob Cohost."
    )
    [listed] = meeting_log.list_meetings(source, MeetingFilters(team_id=team)).items
    assert listed["booking_id"] == token
    direct = meeting_log.find_meeting(source, other)
    assert direct is not None
    assert (direct["team"], direct["chosen"]) == (None, None)
    unbooked = MeetingFilters(team_id=team, status="not_booked")
    assert [row["id"] for row in log_rows.list_unbooked_links(source, builder.now, unbooked).items] == [unused]


VALUES = {"count": 3, "weight": 1, "priority": 0}

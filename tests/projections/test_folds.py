"""The live tables are the fold of the log, whatever the batches, and time travel answers what was live then."""

import random
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.event import Event
from domain.link import LinkDeleted, LinkDisabled, LinkEnabled, LinkUpdated
from domain.person import PersonActivated, PersonDeactivated
from projections import links, meeting_log, people, single_use_links
from projections.catalogue import READ_MODELS, from_log, live
from projections.following.batch_projector import Folding
from projections.following.positions import position
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.queries.query import Source
from projections.read_model import ReadModel
from projections.rebuild import live_tables
from projections.single_use_links import SingleUseFilters
from store.database import Database
from tests.projections.story import DAY, START, Story, differences, follow


def random_step(story: Story, chance: random.Random, known: dict[str, list[UUID]]) -> None:
    """One thing that may happen, or may not happen in reality: a fold is total."""
    person, intro, link = (chance.choice(known[kind]) for kind in ("people", "meeting_types", "links"))
    token = chance.choice([*known["tokens"], uuid4()])
    at = START + timedelta(hours=chance.randrange(1, 2000))
    steps = [
        lambda: known["people"].append(story.person(f"Person {chance.randrange(9)}")),
        lambda: known["links"].append(story.link(person, intro, f"Link {chance.randrange(9)}")),
        lambda: story.tell(link, LinkUpdated, **story.link_properties(person, intro, "New", expires_at=at)),
        lambda: story.tell(link, chance.choice([LinkDisabled, LinkEnabled, LinkDeleted])),
        lambda: story.tell(person, chance.choice([PersonDeactivated, PersonActivated])),
        *[lambda: known["tokens"].append(story.issue(link, person, "Grace"))] * 3,
        *[lambda: known["tokens"].append(story.book(link, [person], intro, at))] * 3,
        lambda: known["booked"].append(story.book(link, [person], intro, at, story.issue(link, person))),
        lambda: story.reschedule(chance.choice(known["booked"]), at, at + DAY) if known["booked"] else None,
        lambda: story.cancel(chance.choice(known["booked"])) if known["booked"] else None,
        lambda: story.revoke(token) if token in known["tokens"] else None,
    ]
    chance.choice(steps)()


def everything(source: Source, story: Story) -> list[object]:
    """What all lists answer."""
    return [
        people.page(source, limit=200),
        links.page(source, story.now, LinkFilters(), limit=200),
        single_use_links.page(source, story.now, SingleUseFilters(), limit=200),
        meeting_log.page(source, MeetingFilters(), "starts_at", limit=200),
        meeting_log.page(source, MeetingFilters(q="grace"), limit=200),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_live_tables_are_the_fold_after_any_batches(followed: Database, story: Story, seed: int) -> None:
    chance = random.Random(seed)
    known = {"people": [story.person("Ada")], "meeting_types": [story.meeting_type()], "tokens": [], "booked": []}
    known["links"] = [story.link(known["people"][0], known["meeting_types"][0])]
    then: list[tuple[int, list[object]]] = []
    for _ in range(6):
        for _ in range(chance.randrange(1, 15)):
            random_step(story, chance, known)
        follow(followed, limit=chance.choice([1, 2, 3, 7, 100]))
        assert list(differences(followed)) == []
        story.now = story.now.replace(microsecond=0)
        then.append((position(followed).position, everything(live(followed), story)))
        assert everything(from_log(followed), story) == then[-1][1]
    at_the_end = story.now
    for reached, answers in then[:-1]:
        assert answers[-2:] == everything(from_log(followed, reached), story)[-2:]
        assert answers[0] == everything(from_log(followed, reached), story)[0]
    assert story.now == at_the_end


def test_one_as_it_stood_at_a_position(followed: Database, story: Story) -> None:
    ada, intro = story.person("Ada"), story.meeting_type("Introduction")
    link = story.link(ada, intro, "Before")
    token, before = story.issue(link, ada), story.position
    story.tell(link, LinkUpdated, **story.link_properties(ada, intro, "After"))
    story.book(link, [ada], intro, story.now + DAY, token)
    then = single_use_links.one(from_log(followed, before), token, story.now)
    now = single_use_links.one(from_log(followed), token, story.now)
    assert then is not None
    assert now is not None
    assert (then["status"], then["link"]["name"], then["version"]) == ("active", "Before", 1)
    assert (now["status"], now["link"]["name"], now["version"]) == ("booked", "After", 2)
    assert meeting_log.one(from_log(followed, before), token) is None
    assert people.one(from_log(followed, 0), ada) is None
    core = links.one(from_log(followed, before), link, story.now)
    assert core is not None
    assert core["single_use"] == {"issued": 1, "active": 1, "booked": 0}


def test_a_batch_never_folds_beyond_its_end(followed: Database, story: Story) -> None:
    ada = story.person("Ada")
    first = story.position
    story.tell(ada, PersonDeactivated)
    with followed.connect() as connection:
        assert Folding(followed, connection, READ_MODELS).batch(first) == first
    row = people.one(live(followed), ada)
    assert row is not None
    assert row["active"]
    follow(followed)
    row = people.one(live(followed), ada)
    assert row is not None
    assert not row["active"]


def test_a_table_built_late_equals_one_that_followed(database: Database, story: Story) -> None:
    ada, intro = story.person("Ada"), story.meeting_type()
    link = story.link(ada, intro)
    story.book(link, [ada], intro, story.now + DAY, story.issue(link, ada))
    live_tables.ensure(database)
    assert position(database).position == 0
    follow(database)
    assert list(differences(database)) == []
    assert len(meeting_log.page(live(database), MeetingFilters()).items) == 1


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_what_a_read_model_looks_at_is_in_the_catalogue(model: ReadModel) -> None:
    names = {name.split(".")[0] for name in Event.catalogue}
    assert set(model.events) <= names


def test_every_event_is_looked_at_by_a_read_model() -> None:
    names = {name.split(".")[0] for name in Event.catalogue}
    assert names == {name for model in READ_MODELS for name in model.events}

"""A checkpoint that somebody kept elsewhere finds a log that was rewritten with every hash made anew, and where."""

from dataclasses import replace

import pytest

from replay.tree import subtree_digests
from replay.tree.checkpoint import BadCheckpoint, Checkpoint, opened, origin_of, take
from replay.tree.merkle import Growing, leaf_hash
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import BadNote, Signer, Verifier, notes, signers
from replay.tree.subtree_digests import LENGTH, Expected, Marks, Row
from replay.verify.checkpoint_comparison import Comparison
from tests.conftest import SECRET
from tests.replay.verify.conftest import Superuser, World

SIGNER = Signer.derived("meet.example/oncelink", SECRET)
OTHER = Signer.derived("meet.example/oncelink", SECRET[::-1])
RESEAL = "SELECT {schema}.seal(100000)"
CHANGE = 'UPDATE {schema}.events SET data = data || \'{{"request_id": "x"}}\' WHERE position = %s'
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@pytest.fixture(scope="session")
def saved(world: World) -> Checkpoint:
    """What an auditor kept of the world."""
    [found] = opened(take(SealedTree(world.database), SIGNER).encode(), [SIGNER.verifier])
    return found


def recompute(superuser: Superuser) -> None:
    """Makes every seal anew over the log as it is now, as the service's own function makes them."""
    superuser.plants("DELETE FROM {schema}.sealed_events")
    superuser.plants("DELETE FROM {schema}.sealed_nodes")
    superuser.plants(RESEAL)


class TestRewrittenHistory:
    """Everything recomputed: only what was kept elsewhere can tell."""

    def test_an_untouched_log_extends_the_checkpoint(self, superuser: Superuser, saved: Checkpoint) -> None:
        assert saved.size > 64
        assert superuser.finds(saved).problems == []
        recompute(superuser)
        assert superuser.finds(saved).problems == []

    def test_changed_event(self, world: World, superuser: Superuser, saved: Checkpoint) -> None:
        at = world.position(world.tokens[2], "SingleUseRevoked")
        superuser.plants('UPDATE {schema}.events SET data = data || \'{{"request_id": "x"}}\' WHERE position = %s', at)
        recompute(superuser)
        assert superuser.finds().problems == []  # without the checkpoint nothing is wrong
        found = superuser.finds_one("checkpoint", saved)
        assert found.position == at
        assert "the event was changed" in found.difference

    def test_deleted_event(self, world: World, superuser: Superuser, saved: Checkpoint) -> None:
        at = world.position(world.tokens[1], "MeetingCancelled")
        superuser.plants("DELETE FROM {schema}.events WHERE position = %s", at)
        recompute(superuser)
        found = superuser.finds_one("checkpoint", saved)
        assert found.position == at
        assert "an event is gone" in found.difference

    def test_end_cut_off(self, world: World, superuser: Superuser, saved: Checkpoint) -> None:
        last = world.rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
        superuser.plants("DELETE FROM {schema}.events WHERE position > %s - 3", last)
        recompute(superuser)
        found = superuser.finds_one("checkpoint", saved)
        assert found.position == last - 2
        assert "the end is gone" in found.difference

    def test_event_put_in(self, superuser: Superuser, saved: Checkpoint) -> None:
        query = """INSERT INTO {schema}.events OVERRIDING SYSTEM VALUE
            SELECT 0, recorded_at, gen_random_uuid(), 1, type,
            data FROM {schema}.events WHERE type = 'MeetingTypeCreated.v1'"""
        superuser.plants(query)
        recompute(superuser)
        found = superuser.finds_one("checkpoint", saved)
        assert found.position == 0
        assert "an event was put in" in found.difference

    def test_later_events_are_no_difference(self, superuser: Superuser, saved: Checkpoint) -> None:
        superuser.plants(
            """INSERT INTO {schema}.events (stream_id, version, type, data)
            SELECT stream_id, max(version) + 1, 'MeetingTypeUpdated.v1', (array_agg(data ORDER BY version DESC))[1]
            FROM {schema}.events WHERE type LIKE 'MeetingType%%' GROUP BY stream_id"""
        )
        superuser.plants("UPDATE {schema}.follower SET position = (SELECT max(position) FROM {schema}.events)")
        superuser.plants(RESEAL)
        assert superuser.finds_all("checkpoint", saved) == []

    def test_both_a_good_and_a_bad_checkpoint(self, world: World, superuser: Superuser, saved: Checkpoint) -> None:
        at = world.position(world.tokens[2], "SingleUseRevoked")
        superuser.plants('UPDATE {schema}.events SET data = data || \'{{"request_id": "x"}}\' WHERE position = %s', at)
        size = world.rows("SELECT number FROM {schema}.sealed_events WHERE position < %s ORDER BY number DESC", at)
        before = size[0]["number"] + 1
        good = Checkpoint(saved.origin, before, SealedTree(world.database).root(before), Marks())
        plain = replace(saved, marks=Marks())  # as another program would write it: only a size and a root
        found = superuser.finds_one("checkpoint", good, plain)
        assert found.position == at
        assert f"between positions {at} and" in found.difference
        assert superuser.finds_one("checkpoint", good, saved).position == at


def log_of(size: int, changed: int | None = None, gone: int | None = None) -> list[tuple[int, bytes]]:
    """Positions, with gaps, and hashes of a log."""
    positions = [number + number // 100 + 1 for number in range(size)]
    events = [(at, leaf_hash(f"{at}{'x' if at == changed else ''}".encode())) for at in positions]
    return [event for event in events if event[0] != gone]


def checkpoint_of(events: list[tuple[int, bytes]], most: int | None) -> Checkpoint:
    """A checkpoint of a log, marks and all, made without a database."""

    class Tree(SealedTree):
        def __init__(self) -> None:
            self.levels: dict[tuple[int, int], bytes] = {}
            growing = Growing()
            for number, (_, hash) in enumerate(events):
                for level, node in enumerate(growing.add(hash)):
                    self.levels[level, number >> level] = node
            self.all = growing

        def nodes(self, height: int, first: int, beyond: int) -> list[bytes]:
            return [self.levels[6 * height, number] for number in range(first, beyond)]

        def positions(self, first: int, beyond: int) -> list[tuple[int, int]]:
            return [(at, at) for at, _ in events[first:beyond]]

    tree = Tree()
    found = subtree_digests.taken(tree, len(events), most)
    text = Checkpoint("log", len(events), tree.all.root(), found).text
    return Checkpoint.read(notes(SIGNER.note(text).encode())[0])


def first_difference(checkpoints: list[Checkpoint], events: list[tuple[int, bytes]]) -> str:
    comparison = Comparison(checkpoints)
    for position, hash in events:
        comparison.add(position, hash)
    return " ".join(problem.difference for problem in comparison.problems())


class TestWhere:
    """How narrowly marks say where a long log was changed."""

    SIZE = 6_000  # the last one at position 6,059
    EVENTS = log_of(SIZE)

    @pytest.mark.parametrize("at", [1, 64, 65, 1500, 3334, 5900, 6058, 6059])
    @pytest.mark.parametrize("how", ["changed", "gone"])
    def test_with_a_mark_for_every_event(self, at: int, how: str) -> None:
        saved = checkpoint_of(self.EVENTS, None)
        found = first_difference([saved], log_of(self.SIZE, **{how: at}))
        assert f"at position {at} (" in found

    @pytest.mark.parametrize(("at", "most"), [(1, 64), (70, 64), (4500, 64), (5000, 1), (6059, 1)])
    @pytest.mark.parametrize("how", ["changed", "gone"])
    def test_with_few_marks(self, at: int, most: int, how: str) -> None:
        saved = checkpoint_of(self.EVENTS, 256)
        found = first_difference([saved], log_of(self.SIZE, **{how: at}))
        if most == 1 and at > 5_800:
            assert f"at position {at} (" in found
        else:
            first, last = (int(word.strip("(")) for word in found.split("positions ")[1].split(" (")[0].split(" and "))
            assert first <= at <= last
            assert last - first <= 70

    def test_a_series_of_checkpoints_names_it_exactly(self) -> None:
        series = [checkpoint_of(self.EVENTS[:size], 512) for size in range(500, self.SIZE + 1, 500)]
        for at in (1, 2500, 6059):
            for how in ("changed", "gone"):
                assert f"at position {at} (" in first_difference(series, log_of(self.SIZE, **{how: at}))

    def test_an_untouched_log(self) -> None:
        series = [checkpoint_of(self.EVENTS[:size], 256) for size in (0, 1, 64, 4096, self.SIZE)]
        assert first_difference(series, self.EVENTS) == ""
        assert first_difference(series, [*self.EVENTS, (9999, leaf_hash(b"later"))]) == ""

    def test_marks_are_small(self) -> None:
        rows = checkpoint_of(self.EVENTS, 256).marks.rows
        assert [(row.height, row.beyond - row.first) for row in rows] == [(0, 304), (1, 93)]
        assert rows[0].first % 64 == 0


class TestNote:
    """What is signed, and what is refused."""

    TEXT = Checkpoint("meet.example/oncelink", 0, b"r" * 32, Marks()).text
    NOTE = SIGNER.note(TEXT).encode()

    def test_is_a_checkpoint_of_c2sp(self, world: World) -> None:
        name, size, root, *extensions = take(SealedTree(world.database), SIGNER).partition("\n\n")[0].split("\n")
        assert name == "meet.example/oncelink"
        assert int(size) == SealedTree(world.database).head().size
        assert len(root) == 44
        assert all(extensions)
        signature = take(SealedTree(world.database), SIGNER).partition("\n\n")[2]
        assert signature.startswith("— meet.example/oncelink ")
        assert signature.endswith("\n")

    def test_a_published_key_and_signature(self) -> None:
        """The example of golang.org/x/mod/sumdb/note, which this format comes from."""
        key = Verifier.read(PETER)
        text = (
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
            "— PeterNeumann "
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        )
        [note] = notes(text.encode())
        note.check([key])
        assert key.text == PETER

    def test_several_in_one_file(self) -> None:
        later = SIGNER.note(Checkpoint("meet.example/oncelink", 9, b"s" * 32, Marks()).text).encode()
        for between in (b"", b"\n", b"\n\n"):
            assert [one.size for one in opened(later + between + self.NOTE, [SIGNER.verifier])] == [0, 9]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty"),
            (b"\n\n\n", "is empty"),
            (b"\xff\xfe", "not UTF-8"),
            (b"hello", "no signature"),
            (TEXT.encode(), "no signature"),
            (NOTE[:-30], "cannot be read|wrong length"),
            (NOTE.replace(b"\n0\n", b"\n1\n"), "changed or damaged"),
            (NOTE.replace(b"oncelink\n0", b"elsewhere\n0"), "changed or damaged"),
            (OTHER.note(TEXT).encode(), "foreign"),
            (Signer.derived("other.example", SECRET).note(TEXT).encode(), "foreign"),
            (SIGNER.note("other.example\n0\n" + TEXT.split("\n")[2] + "\n").encode(), "foreign"),
            (SIGNER.note("meet.example/oncelink\n0\n").encode(), "does not begin with"),
            (SIGNER.note("meet.example/oncelink\n-1\n" + TEXT.split("\n")[2] + "\n").encode(), "not a whole number"),
            (SIGNER.note(TEXT + "marks 0 0\n").encode(), "marks cannot be read"),
            (SIGNER.note(TEXT + "positions 1-5\n").encode(), "not as many"),
            (SIGNER.note(TEXT + "positions 5-5,1-1\nmarks 0 0 AAAAAAAAAAAAAAAAAAAAAA==\n").encode(), "not in order"),
        ],
    )
    def test_corrupt_and_foreign_ones(self, content: bytes, said: str) -> None:
        with pytest.raises(BadCheckpoint, match=said):
            opened(content, [SIGNER.verifier])

    def test_every_flipped_bit_is_found(self) -> None:
        for at in range(len(self.NOTE)):
            damaged = bytearray(self.NOTE)
            damaged[at] ^= 4
            with pytest.raises(BadCheckpoint):
                opened(bytes(damaged), [SIGNER.verifier])

    def test_an_older_secret_key_is_recognised(self) -> None:
        both = [one.verifier for one in signers("meet.example/oncelink", [SECRET[::-1], SECRET])]
        assert opened(self.NOTE, both)[0].size == 0

    @pytest.mark.parametrize("key", ["", "a+b", "a+00000000+AAAA", PETER.replace("a3", "a4")])
    def test_keys_that_are_none(self, key: str) -> None:
        with pytest.raises(BadNote):
            Verifier.read(key)

    def test_origin(self) -> None:
        assert origin_of("https://meet.example", "oncelink") == "meet.example/oncelink"

    def test_marks_put_together(self) -> None:
        one = Marks((Row(0, 5, b"x" * LENGTH),), ((8, 8),))
        two = Marks((Row(0, 7, b"yyyyyyyyzzzzzzzz"),), ((10, 10), (12, 12)))
        both = Expected([two, one])
        assert [both.position(number) for number in range(4, 10)] == [None, 8, None, 10, 12, None]
        assert [both.mark(0, number) for number in (5, 6, 8)] == [b"x" * 8, None, b"z" * 8]
        assert both.mark(1, 0) is None

"""A checkpoint kept elsewhere finds a log that was rewritten with every hash recomputed, and says where."""

from dataclasses import replace

import pytest

from replay.tree import subtree_digests
from replay.tree.checkpoint import BadCheckpoint, Checkpoint, build_origin, read_checkpoints, sign_checkpoint
from replay.tree.merkle import IncrementalTree, hash_leaf
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import BadSignedNote, Signer, Verifier, derive_signers, parse_notes
from replay.tree.subtree_digests import DIGEST_BYTES, DigestRow, ExpectedDigests, SubtreeDigests
from replay.verify.checkpoint_comparison import CheckpointComparison
from tests.conftest import SECRET
from tests.replay.verify.conftest import SealedLog, Superuser

SIGNER = Signer.from_secret("meet.example/oncelink", SECRET)
OTHER = Signer.from_secret("meet.example/oncelink", SECRET[::-1])
RESEAL = "SELECT {schema}.seal(100000)"
CHANGE = 'UPDATE {schema}.events SET data = data || \'{{"request_id": "x"}}\' WHERE position = %s'
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@pytest.fixture(scope="session")
def saved_checkpoint(sealed_log: SealedLog) -> Checkpoint:
    """A checkpoint of the log, kept by an auditor."""
    [checkpoint] = read_checkpoints(
        sign_checkpoint(SealedTree(sealed_log.database), SIGNER).encode(), [SIGNER.verifier]
    )
    return checkpoint


def recompute_seals(superuser: Superuser) -> None:
    """Recompute every seal over the current log, with the service's own function."""
    superuser.plant_fault("DELETE FROM {schema}.sealed_events")
    superuser.plant_fault("DELETE FROM {schema}.sealed_nodes")
    superuser.plant_fault(RESEAL)


class TestRewrittenHistory:
    """Everything was recomputed: only what was kept elsewhere can tell."""

    def test_an_untouched_log_extends_the_checkpoint(self, superuser: Superuser, saved_checkpoint: Checkpoint) -> None:
        assert saved_checkpoint.size > 64
        assert superuser.verify_log(saved_checkpoint).problems == []
        recompute_seals(superuser)
        assert superuser.verify_log(saved_checkpoint).problems == []

    def test_changed_event(self, sealed_log: SealedLog, superuser: Superuser, saved_checkpoint: Checkpoint) -> None:
        position = sealed_log.find_position(sealed_log.tokens[2], "SingleUseRevoked")
        superuser.plant_fault(
            'UPDATE {schema}.events SET data = data || \'{{"request_id": "x"}}\' WHERE position = %s', position
        )
        recompute_seals(superuser)
        assert superuser.verify_log().problems == []  # without the checkpoint nothing is wrong
        problem = superuser.find_problem("checkpoint", saved_checkpoint)
        assert problem.position == position
        assert "the event was changed" in problem.difference

    def test_deleted_event(self, sealed_log: SealedLog, superuser: Superuser, saved_checkpoint: Checkpoint) -> None:
        position = sealed_log.find_position(sealed_log.tokens[1], "MeetingCancelled")
        superuser.plant_fault("DELETE FROM {schema}.events WHERE position = %s", position)
        recompute_seals(superuser)
        problem = superuser.find_problem("checkpoint", saved_checkpoint)
        assert problem.position == position
        assert "an event is gone" in problem.difference

    def test_end_cut_off(self, sealed_log: SealedLog, superuser: Superuser, saved_checkpoint: Checkpoint) -> None:
        last = sealed_log.fetch_rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
        superuser.plant_fault("DELETE FROM {schema}.events WHERE position > %s - 3", last)
        recompute_seals(superuser)
        problem = superuser.find_problem("checkpoint", saved_checkpoint)
        assert problem.position == last - 2
        assert "the end is gone" in problem.difference

    def test_event_put_in(self, superuser: Superuser, saved_checkpoint: Checkpoint) -> None:
        query = """INSERT INTO {schema}.events OVERRIDING SYSTEM VALUE
            SELECT 0, recorded_at, gen_random_uuid(), 1, type,
            data FROM {schema}.events WHERE type = 'MeetingTypeCreated.v1'"""
        superuser.plant_fault(query)
        recompute_seals(superuser)
        problem = superuser.find_problem("checkpoint", saved_checkpoint)
        assert problem.position == 0
        assert "an event was put in" in problem.difference

    def test_later_events_are_no_difference(self, superuser: Superuser, saved_checkpoint: Checkpoint) -> None:
        superuser.plant_fault(
            """INSERT INTO {schema}.events (stream_id, version, type, data)
            SELECT stream_id, max(version) + 1, 'MeetingTypeUpdated.v1', (array_agg(data ORDER BY version DESC))[1]
            FROM {schema}.events WHERE type LIKE 'MeetingType%%' GROUP BY stream_id"""
        )
        superuser.plant_fault("UPDATE {schema}.follower SET position = (SELECT max(position) FROM {schema}.events)")
        superuser.plant_fault(RESEAL)
        assert superuser.find_problems("checkpoint", saved_checkpoint) == []

    def test_both_a_good_and_a_bad_checkpoint(
        self, sealed_log: SealedLog, superuser: Superuser, saved_checkpoint: Checkpoint
    ) -> None:
        position = sealed_log.find_position(sealed_log.tokens[2], "SingleUseRevoked")
        superuser.plant_fault(
            'UPDATE {schema}.events SET data = data || \'{{"request_id": "x"}}\' WHERE position = %s', position
        )
        sealed_rows = sealed_log.fetch_rows(
            "SELECT number FROM {schema}.sealed_events WHERE position < %s ORDER BY number DESC", position
        )
        size_before = sealed_rows[0]["number"] + 1
        good = Checkpoint(
            saved_checkpoint.origin,
            size_before,
            SealedTree(sealed_log.database).compute_root(size_before),
            SubtreeDigests(),
        )
        plain = replace(
            saved_checkpoint, digests=SubtreeDigests()
        )  # as another program would write it: only a size and a root
        problem = superuser.find_problem("checkpoint", good, plain)
        assert problem.position == position
        assert f"between positions {position} and" in problem.difference
        assert superuser.find_problem("checkpoint", good, saved_checkpoint).position == position


def build_log(size: int, changed: int | None = None, gone: int | None = None) -> list[tuple[int, bytes]]:
    """Build a log: positions, with gaps, and hashes."""
    positions = [number + number // 100 + 1 for number in range(size)]
    events = [
        (position, hash_leaf(f"{position}{'x' if position == changed else ''}".encode())) for position in positions
    ]
    return [event for event in events if event[0] != gone]


def build_checkpoint(events: list[tuple[int, bytes]], max_digests: int | None) -> Checkpoint:
    """Build a checkpoint of a log with its digests, without a database."""

    class MemoryTree(SealedTree):
        def __init__(self) -> None:
            self.levels: dict[tuple[int, int], bytes] = {}
            incremental_tree = IncrementalTree()
            for number, (_, hash) in enumerate(events):
                for level, node in enumerate(incremental_tree.add_leaf(hash)):
                    self.levels[level, number >> level] = node
            self.incremental_tree = incremental_tree

        def read_nodes(self, height: int, first: int, end: int) -> list[bytes]:
            return [self.levels[6 * height, number] for number in range(first, end)]

        def read_positions(self, first: int, end: int) -> list[tuple[int, int]]:
            return [(position, position) for position, _ in events[first:end]]

    tree = MemoryTree()
    digests = subtree_digests.collect_digests(tree, len(events), max_digests)
    text = Checkpoint("log", len(events), tree.incremental_tree.compute_root(), digests).text
    return Checkpoint.from_note(parse_notes(SIGNER.sign_note(text).encode())[0])


def describe_differences(checkpoints: list[Checkpoint], events: list[tuple[int, bytes]]) -> str:
    comparison = CheckpointComparison(checkpoints)
    for position, hash in events:
        comparison.add_event(position, hash)
    return " ".join(problem.difference for problem in comparison.list_problems())


class TestLocation:
    """How narrowly digests locate a change in a long log."""

    SIZE = 6_000  # the last one at position 6,059
    EVENTS = build_log(SIZE)

    @pytest.mark.parametrize("position", [1, 64, 65, 1500, 3334, 5900, 6058, 6059])
    @pytest.mark.parametrize("change_name", ["changed", "gone"])
    def test_with_a_digest_for_every_event(self, position: int, change_name: str) -> None:
        checkpoint = build_checkpoint(self.EVENTS, None)
        differences = describe_differences([checkpoint], build_log(self.SIZE, **{change_name: position}))
        assert f"at position {position} (" in differences

    @pytest.mark.parametrize(("position", "max_positions"), [(1, 64), (70, 64), (4500, 64), (5000, 1), (6059, 1)])
    @pytest.mark.parametrize("change_name", ["changed", "gone"])
    def test_with_few_digests(self, position: int, max_positions: int, change_name: str) -> None:
        checkpoint = build_checkpoint(self.EVENTS, 256)
        differences = describe_differences([checkpoint], build_log(self.SIZE, **{change_name: position}))
        if max_positions == 1 and position > 5_800:
            assert f"at position {position} (" in differences
        else:
            first, last = (
                int(word.strip("(")) for word in differences.split("positions ")[1].split(" (")[0].split(" and ")
            )
            assert first <= position <= last
            assert last - first <= 70

    def test_a_series_of_checkpoints_names_it_exactly(self) -> None:
        series = [build_checkpoint(self.EVENTS[:size], 512) for size in range(500, self.SIZE + 1, 500)]
        for position in (1, 2500, 6059):
            for change_name in ("changed", "gone"):
                assert f"at position {position} (" in describe_differences(
                    series, build_log(self.SIZE, **{change_name: position})
                )

    def test_an_untouched_log(self) -> None:
        series = [build_checkpoint(self.EVENTS[:size], 256) for size in (0, 1, 64, 4096, self.SIZE)]
        assert describe_differences(series, self.EVENTS) == ""
        assert describe_differences(series, [*self.EVENTS, (9999, hash_leaf(b"later"))]) == ""

    def test_digests_are_small(self) -> None:
        rows = build_checkpoint(self.EVENTS, 256).digests.rows
        assert [(row.height, row.end - row.first) for row in rows] == [(0, 304), (1, 93)]
        assert rows[0].first % 64 == 0


class TestNote:
    """What is signed, and what is refused."""

    TEXT = Checkpoint("meet.example/oncelink", 0, b"r" * 32, SubtreeDigests()).text
    NOTE = SIGNER.sign_note(TEXT).encode()

    def test_is_a_checkpoint_of_c2sp(self, sealed_log: SealedLog) -> None:
        name, size, root, *extensions = (
            sign_checkpoint(SealedTree(sealed_log.database), SIGNER).partition("\n\n")[0].split("\n")
        )
        assert name == "meet.example/oncelink"
        assert int(size) == SealedTree(sealed_log.database).read_head().size
        assert len(root) == 44
        assert all(extensions)
        signature = sign_checkpoint(SealedTree(sealed_log.database), SIGNER).partition("\n\n")[2]
        assert signature.startswith("— meet.example/oncelink ")
        assert signature.endswith("\n")

    def test_a_published_key_and_signature(self) -> None:
        """The example of golang.org/x/mod/sumdb/note, which this format comes from."""
        key = Verifier.from_text(PETER)
        text = (
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
            "— PeterNeumann "
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        )
        [note] = parse_notes(text.encode())
        note.verify_signature([key])
        assert key.text == PETER

    def test_several_in_one_file(self) -> None:
        later_note = SIGNER.sign_note(Checkpoint("meet.example/oncelink", 9, b"s" * 32, SubtreeDigests()).text).encode()
        for separator in (b"", b"\n", b"\n\n"):
            assert [
                checkpoint.size
                for checkpoint in read_checkpoints(later_note + separator + self.NOTE, [SIGNER.verifier])
            ] == [0, 9]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "is empty"),
            (b"\n\n\n", "is empty"),
            (b"\xff\xfe", "not UTF-8"),
            (b"hello", "no signature"),
            (TEXT.encode(), "no signature"),
            (NOTE[:-30], "cannot be read|wrong length"),
            (NOTE.replace(b"\n0\n", b"\n1\n"), "changed or damaged"),
            (NOTE.replace(b"oncelink\n0", b"elsewhere\n0"), "changed or damaged"),
            (OTHER.sign_note(TEXT).encode(), "foreign"),
            (Signer.from_secret("other.example", SECRET).sign_note(TEXT).encode(), "foreign"),
            (SIGNER.sign_note("other.example\n0\n" + TEXT.split("\n")[2] + "\n").encode(), "foreign"),
            (SIGNER.sign_note("meet.example/oncelink\n0\n").encode(), "does not begin with"),
            (
                SIGNER.sign_note("meet.example/oncelink\n-1\n" + TEXT.split("\n")[2] + "\n").encode(),
                "not a whole number",
            ),
            (SIGNER.sign_note(TEXT + "marks 0 0\n").encode(), "marks cannot be read"),
            (SIGNER.sign_note(TEXT + "positions 1-5\n").encode(), "not as many"),
            (
                SIGNER.sign_note(TEXT + "positions 5-5,1-1\nmarks 0 0 AAAAAAAAAAAAAAAAAAAAAA==\n").encode(),
                "not in order",
            ),
        ],
    )
    def test_corrupt_and_foreign_ones(self, content: bytes, message: str) -> None:
        with pytest.raises(BadCheckpoint, match=message):
            read_checkpoints(content, [SIGNER.verifier])

    def test_every_flipped_bit_is_found(self) -> None:
        for index in range(len(self.NOTE)):
            damaged = bytearray(self.NOTE)
            damaged[index] ^= 4
            with pytest.raises(BadCheckpoint):
                read_checkpoints(bytes(damaged), [SIGNER.verifier])

    def test_an_older_secret_key_is_recognised(self) -> None:
        verifiers = [signer.verifier for signer in derive_signers("meet.example/oncelink", [SECRET[::-1], SECRET])]
        assert read_checkpoints(self.NOTE, verifiers)[0].size == 0

    @pytest.mark.parametrize("key", ["", "a+b", "a+00000000+AAAA", PETER.replace("a3", "a4")])
    def test_keys_that_are_none(self, key: str) -> None:
        with pytest.raises(BadSignedNote):
            Verifier.from_text(key)

    def test_origin(self) -> None:
        assert build_origin("https://meet.example", "oncelink") == "meet.example/oncelink"

    def test_digests_put_together(self) -> None:
        first = SubtreeDigests((DigestRow(0, 5, b"x" * DIGEST_BYTES),), ((8, 8),))
        second = SubtreeDigests((DigestRow(0, 7, b"yyyyyyyyzzzzzzzz"),), ((10, 10), (12, 12)))
        expected = ExpectedDigests([second, first])
        assert [expected.find_position(number) for number in range(4, 10)] == [None, 8, None, 10, 12, None]
        assert [expected.find_digest(0, number) for number in (5, 6, 8)] == [b"x" * 8, None, b"z" * 8]
        assert expected.find_digest(1, 0) is None

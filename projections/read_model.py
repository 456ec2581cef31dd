"""A read model: a query that folds each stream of the log into a row. It can be run over any part of the log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadModel:
    """A query over the log that is also kept as a table.

    `key` is the column that holds the stream's id, `table` the columns' DDL, `indexes` what follows `ON table`.
    `rows` is the folding SELECT over `{log}`, `events` are the stored names, without their version, that it looks at:
    all that can happen to its streams. Raise `version` whenever one of them changes: the next start builds it again.
    """

    name: str
    version: int
    key: str
    table: str
    indexes: tuple[str, ...]
    rows: str
    events: tuple[str, ...]

    @property
    def columns(self) -> str:
        """The names of the table's columns, separated by commas, for every statement."""
        return ", ".join(column.split()[0] for column in self.table.split(","))

    @property
    def types(self) -> dict[str, str]:
        """The type of each column of the table, as its DDL has it."""
        return dict(column.split()[:2] for column in self.table.split(","))

    def build_table_name(self, generation: int) -> str:
        """The physical table of one generation, so that the next one can be built beside it."""
        return f"{self.name}_v{self.version}_g{generation}"

    def build_fold_query(self, *, streams: bool = False, between: bool = False, until: bool = False) -> str:
        """SQL: the rows of a part of the log: everything, or up to %(log_until)s.

        Of all streams, of %(log_streams)s, or of those from %(log_first)s to %(log_last)s.
        """
        conditions = [f"({self.event_condition})"]
        if streams:
            conditions.append("stream_id = ANY(%(log_streams)s)")
        if between:
            conditions.append("stream_id BETWEEN %(log_first)s AND %(log_last)s")
        if until:
            conditions.append("position <= %(log_until)s")
        log = f"(SELECT stream_id, version, type, data FROM {{schema}}.events WHERE {' AND '.join(conditions)})"
        return f"SELECT {self.columns} FROM ({self.rows.replace('{log}', log)}) AS folded_{self.name}"

    @property
    def event_condition(self) -> str:
        """SQL: whether an event is one that this read model folds."""
        return " OR ".join(is_event(name) for name in self.events)

    def is_affected_by(self, event_names: set[str]) -> bool:
        """Whether one of these events, named without their version, is one that this read model folds."""
        return not event_names.isdisjoint(self.events)


def is_event(name: str) -> str:
    """SQL: whether an event has a name, in any version."""
    return f"type ^@ '{name}.'"


def select_last_payload(*names: str) -> str:
    """SQL: the payload of a stream's last event of one of the names; null without one."""
    return f"(array_agg(data ORDER BY version DESC) FILTER (WHERE {' OR '.join(map(is_event, names))}))[1]"


def has_event(name: str) -> str:
    """SQL: whether a stream has an event of a name."""
    return f"bool_or({is_event(name)})"


def select_switch_state(on: str, off: str, initially: bool) -> str:
    """SQL: whether a stream was last switched on or off by events of two names."""
    switches = f"array_agg({is_event(on)} ORDER BY version DESC) FILTER (WHERE {is_event(on)} OR {is_event(off)})"
    return f"coalesce(({switches})[1], {initially})"


FIRST_TIME = "min((data ->> 'occurred_at')::timestamptz)"
LAST_TIME = "max((data ->> 'occurred_at')::timestamptz)"


def select_ids(payload: str, field: str) -> str:
    """SQL: a payload's list of ids as an array, in its order."""
    return f"ARRAY(SELECT jsonb_array_elements_text({payload} -> '{field}')::uuid)"

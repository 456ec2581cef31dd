"""A read model: a query that folds each stream of the log into a row, over any piece of the log."""

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
        """The names of the table's columns, to be named in every statement."""
        return ", ".join(column.split()[0] for column in self.table.split(","))

    @property
    def types(self) -> dict[str, str]:
        """The type of each column of the table, as its DDL says it."""
        return dict(column.split()[:2] for column in self.table.split(","))

    def table_name(self, generation: int) -> str:
        """The physical table of one generation, so that the next one can be built beside it."""
        return f"{self.name}_v{self.version}_g{generation}"

    def fold(self, *, streams: bool = False, between: bool = False, until: bool = False) -> str:
        """The rows of a piece of the log: everything, or up to %(log_until)s.

        Of all streams, of %(log_streams)s, or of those between %(log_first)s and %(log_last)s.
        """
        bounds = [f"({self.relevant})"]
        if streams:
            bounds.append("stream_id = ANY(%(log_streams)s)")
        if between:
            bounds.append("stream_id BETWEEN %(log_first)s AND %(log_last)s")
        if until:
            bounds.append("position <= %(log_until)s")
        log = f"(SELECT stream_id, version, type, data FROM {{schema}}.events WHERE {' AND '.join(bounds)})"
        return f"SELECT {self.columns} FROM ({self.rows.replace('{log}', log)}) AS folded_{self.name}"

    @property
    def relevant(self) -> str:
        """Whether an event is one that this read model looks at."""
        return " OR ".join(is_a(name) for name in self.events)

    def looks_at(self, names: set[str]) -> bool:
        """Whether one of these events, named without their version, matters here."""
        return not names.isdisjoint(self.events)


def is_a(name: str) -> str:
    """The condition that an event is of a name, whatever its version."""
    return f"type ^@ '{name}.'"


def last(*names: str) -> str:
    """The payload of a stream's last event of one of the names; null without one."""
    return f"(array_agg(data ORDER BY version DESC) FILTER (WHERE {' OR '.join(map(is_a, names))}))[1]"


def has(name: str) -> str:
    """Whether a stream has an event of a name."""
    return f"bool_or({is_a(name)})"


def switched(on: str, off: str, initially: bool) -> str:
    """Whether a stream was last switched on or off by events of two names."""
    switches = f"array_agg({is_a(on)} ORDER BY version DESC) FILTER (WHERE {is_a(on)} OR {is_a(off)})"
    return f"coalesce(({switches})[1], {initially})"


FIRST_TIME = "min((data ->> 'occurred_at')::timestamptz)"
LAST_TIME = "max((data ->> 'occurred_at')::timestamptz)"


def ids(payload: str, name: str) -> str:
    """A payload's list of ids as an array, in its order."""
    return f"ARRAY(SELECT jsonb_array_elements_text({payload} -> '{name}')::uuid)"

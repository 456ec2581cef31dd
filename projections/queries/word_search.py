"""Word-prefix search over personal details and link names, whatever the case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from projections.queries.query import Source

OWN_WORDS = "({words} @@ {{schema}}.word_prefixes(%(q)s) OR {{schema}}.word_prefixes(%(q)s) = ''::tsquery)"

MOST_IDS = 1_000

PREFIXES = """
SELECT {schema}.word_prefixes(word)::text AS prefix FROM unnest(tsvector_to_array({schema}.words(%(q)s))) AS word
"""
FIND_DETAILS = "SELECT id FROM {schema}.personal_details WHERE words @@ %(prefix)s::tsquery LIMIT %(most)s"
FIND_LINKS = "SELECT link_id AS id FROM links WHERE name_words @@ %(prefix)s::tsquery"


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is looked for, with the personal details and links that have one beginning with it.

    `details` is None where too many have: then each row is looked at, because the page is soon full.
    """

    prefix: str
    details: list[UUID] | None
    links: list[UUID]

    @classmethod
    def found(cls, source: Source, prefix: str) -> "Word":
        """The word, looked up. Its statements are planned anew each time: the plan depends on how rare the word is."""
        details = source.rows(FIND_DETAILS, {"prefix": prefix, "most": MOST_IDS + 1}, prepare=False)
        links = source.rows(FIND_LINKS, {"prefix": prefix}, prepare=False)
        rare = len(details) <= MOST_IDS
        return cls(prefix, [row["id"] for row in details] if rare else None, [row["id"] for row in links])

    def condition(self, number: int, columns: Sequence[str], link: str) -> str:
        """The condition that a row's details, by these columns, or its link have the word."""
        has = "SELECT d.words @@ %(prefix_{0})s::tsquery FROM {{schema}}.personal_details AS d WHERE d.id = {1}"
        among = "{1} = ANY(%(details_{0})s::uuid[])" if self.details is not None else f"({has})"
        parts = [among.format(number, column) for column in columns]
        return f"({' OR '.join(parts)} OR {link} = ANY(%(links_{number})s::uuid[]))"


def own_words(words: str) -> str:
    """The condition that every word of %(q)s begins a word of a column; holds when it has none."""
    return OWN_WORDS.format(words=words)


def among_details(source: Source, q: str, columns: Sequence[str], link: str) -> tuple[list[str], dict[str, Any]]:
    """The conditions that every word of `q` begins a word of a row's personal details or of its link's name.

    `columns` hold ids of details, `link` holds the link's id. What is looked for is found first, so that a few ids
    reach the indexes of the list.
    """
    words = [Word.found(source, row["prefix"]) for row in source.rows(PREFIXES, {"q": q})]
    params: dict[str, Any] = {}
    for number, word in enumerate(words):
        found = {"prefix": word.prefix, "details": word.details, "links": word.links}
        params.update({f"{name}_{number}": value for name, value in found.items()})
    return [word.condition(number, columns, link) for number, word in enumerate(words)], params

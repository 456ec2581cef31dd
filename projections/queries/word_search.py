"""Word-prefix search over personal details and link names, whatever the case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from projections.queries.query import QuerySource

OWN_WORDS = "({words} @@ {{schema}}.word_prefixes(%(q)s) OR {{schema}}.word_prefixes(%(q)s) = ''::tsquery)"

MAX_IDS = 1_000

PREFIXES = """
SELECT {schema}.word_prefixes(word)::text AS prefix FROM unnest(tsvector_to_array({schema}.words(%(q)s))) AS word
"""
FIND_DETAILS = "SELECT id FROM {schema}.personal_details WHERE words @@ %(prefix)s::tsquery LIMIT %(most)s"
FIND_LINKS = "SELECT link_id AS id FROM links WHERE name_words @@ %(prefix)s::tsquery"


@dataclass(frozen=True, slots=True)
class SearchWord:
    """A searched word, with the personal details and links that have a word beginning with it.

    `details` is None where more than 1,000 have one: then each row is checked, because a page is soon full.
    """

    prefix: str
    details: list[UUID] | None
    links: list[UUID]

    @classmethod
    def look_up(cls, source: QuerySource, prefix: str) -> "SearchWord":
        """Looks up a word. Its statements are planned each time: the plan depends on how rare the word is."""
        details = source.fetch_rows(FIND_DETAILS, {"prefix": prefix, "most": MAX_IDS + 1}, prepare=False)
        links = source.fetch_rows(FIND_LINKS, {"prefix": prefix}, prepare=False)
        is_rare = len(details) <= MAX_IDS
        return cls(prefix, [row["id"] for row in details] if is_rare else None, [row["id"] for row in links])

    def build_condition(self, number: int, columns: Sequence[str], link: str) -> str:
        """SQL: whether a row's details, by these columns, or its link have the word."""
        details_condition = (
            "SELECT d.words @@ %(prefix_{0})s::tsquery FROM {{schema}}.personal_details AS d WHERE d.id = {1}"
        )
        column_condition = (
            "{1} = ANY(%(details_{0})s::uuid[])" if self.details is not None else f"({details_condition})"
        )
        conditions = [column_condition.format(number, column) for column in columns]
        return f"({' OR '.join(conditions)} OR {link} = ANY(%(links_{number})s::uuid[]))"


def match_own_words(column: str) -> str:
    """SQL: whether every word of %(q)s begins a word of a tsvector column; true when %(q)s has no words."""
    return OWN_WORDS.format(words=column)


def match_details_or_link(
    source: QuerySource, q: str, columns: Sequence[str], link: str
) -> tuple[list[str], dict[str, Any]]:
    """SQL conditions: every word of `q` begins a word of a row's personal details or of its link's name.

    `columns` hold ids of details, `link` holds the link's id. The ids are looked up first, so that they reach the
    indexes of the list. Returns the conditions and their parameters.
    """
    words = [SearchWord.look_up(source, row["prefix"]) for row in source.fetch_rows(PREFIXES, {"q": q})]
    params: dict[str, Any] = {}
    for number, word in enumerate(words):
        values = {"prefix": word.prefix, "details": word.details, "links": word.links}
        params.update({f"{name}_{number}": value for name, value in values.items()})
    return [word.build_condition(number, columns, link) for number, word in enumerate(words)], params

"""Time zones as people name them: city, country, name and abbreviations (Unicode CLDR), and the search in them."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from babel.core import Locale, get_global

from integrations.city_zones import CITIES
from integrations.date_formats import format_offset

SEASONS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
LETTERS = re.compile("[A-Z]{2,5}")
PUNCTUATION = str.maketrans("_/,-&()", "       ")
COUNTRY_ABBREVIATIONS = {"GB": "UK", "US": "USA"}
NO_COUNTRY = ("001", "ZZ", "")  # the world, and an unknown one
PREFIX, INSIDE_A_WORD, NO_MATCH = 10, 20, 100


@dataclass(frozen=True)
class TimeZoneName:
    """The names of a time zone; `rank` is its place in its country, `is_major` if it stands for all with its name.

    `abbreviations` are what people mostly mean by them: PST is Los Angeles, of all places that have it. CLDR says so
    (supplemental/windowsZones.xml): *Pacific Standard Time* in the world, territory 001, is that zone, and English
    abbreviates it. `other_abbreviations` are all that are in use, such as the PST of Manila.
    """

    id: str
    city: str
    country: str
    name: str
    abbreviations: tuple[str, ...] = ()
    other_abbreviations: tuple[str, ...] = ()
    other_words: tuple[str, ...] = ()
    is_major: bool = True
    rank: int = 0

    @property
    def place(self) -> str:
        """The city with its country: `Lisbon, Portugal`."""
        return self.city if self.country in ("", self.city) else f"{self.city}, {self.country}"

    @property
    def order(self) -> int:
        """The order among zones that match alike: the most populous of a country, and those that stand for others."""
        return self.rank - 1000 * (self.is_major + (self.rank == 0))

    @cached_property
    def search_words(self) -> tuple[list[str], ...]:
        """The words to search in: of the city, then abbreviations, other cities, country, name, former names and id."""
        cities, abbreviations = CITIES.get(self.id, ()), (self.abbreviations, self.other_abbreviations)
        fields = ([self.city], *abbreviations, cities, [self.country], [self.name], self.other_words, [self.id])
        return tuple(fold_text(" ".join(texts)).split() for texts in fields)

    def measure_distance(self, word: str) -> int:
        """Return how far a typed word is from this zone: a whole word is nearest, then the begin of one."""
        for base, is_match in ((0, str.__eq__), (PREFIX, str.startswith), (INSIDE_A_WORD, str.__contains__)):
            for field, candidates in enumerate(self.search_words):
                if any(is_match(candidate, word) for candidate in candidates):
                    return base + field
        return NO_MATCH


def fold_text(text: str) -> str:
    """Return a text in lower case without accents and punctuation."""
    letters = unicodedata.normalize("NFKD", text.translate(PUNCTUATION)).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def find_time_zones(text: str) -> list[TimeZoneName]:
    """Return the zones in which every typed word begins a word, the nearest first.

    Where there is none, the zones that have each typed word inside of a word.
    """
    words = fold_text(text).split()
    rows = [(zone, [zone.measure_distance(word) for word in words]) for zone in list_time_zone_names()]
    for limit in (INSIDE_A_WORD, NO_MATCH):
        matches = [(sum(distances), zone) for zone, distances in rows if max([0, *distances]) < limit]
        if matches:
            return [zone for _, zone in sorted(matches, key=lambda match: (match[0], match[1].order, match[1].city))]
    return []


def format_zone(id: str, instant: datetime) -> str:
    """Return a zone as people say it, with its offset at an instant: `Central European Time (GMT+1)`."""
    name, offset = name_time_zone(id), format_offset(instant, ZoneInfo(id))
    return name if name == offset else f"{name} ({offset})"


def name_place(id: str) -> str:
    """Return the place of a zone: `Lisbon, Portugal`."""
    return describe_time_zone(id).place


def name_time_zone(id: str) -> str:
    """Return a zone as people say it: `Central European Time`; its id if it has no name, as `EST5EDT`."""
    zone = describe_time_zone(id)
    return zone.name or zone.city


@cache
def list_time_zone_names() -> tuple[TimeZoneName, ...]:
    """Return UTC, and by their cities the zones of the world's places (zone.tab of the tz database)."""
    utc = TimeZoneName("UTC", "UTC", "", "UTC", ("UTC", "GMT"))
    return (utc, *sorted(iterate_places(), key=lambda zone: fold_text(zone.city)))


def iterate_places() -> Iterator[TimeZoneName]:
    """Yield the zones of zone.tab, in which the most populous zone of a country stands first."""
    available, counts = available_timezones(), dict[str, int]()
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines():
        code, _, id, *_ = line.split("\t") if not line.startswith("#") else ("", "", "")
        if id in available:
            yield build_name(id, code, counts.get(code, 0))
            counts[code] = counts.get(code, 0) + 1


@cache
def describe_time_zone(id: str) -> TimeZoneName:
    """Return the names of any zone, also of one with a former name such as `Asia/Calcutta`, or that is no place."""
    current_id = get_global("zone_aliases").get(id, id)
    place = next((zone for zone in list_time_zone_names() if zone.id in (id, current_id)), None)
    if place:
        return place
    if re.fullmatch(r"Etc/GMT[+-]\d+", id):  # POSIX counts the other way
        offset = format_offset(SEASONS[0], ZoneInfo(id))
        return TimeZoneName(id, offset, "", offset)
    return build_name(id, get_global("zone_territories").get(current_id, ""), 0)


def build_name(id: str, country_code: str, rank: int) -> TimeZoneName:
    """Build the names of a zone in a country."""
    country = "" if country_code in NO_COUNTRY else str(load_locale().territories.get(country_code, ""))
    names = load_locale().time_zones.get(id, {})
    city = str(names.get("city") or id.rpartition("/")[2].replace("_", " "))
    abbreviations = tuple(list_cldr_abbreviations(id)) if is_name_giver(id) else ()
    former_names = [alias.rpartition("/")[2] for alias in list_aliases().get(id, ())]
    return TimeZoneName(
        id,
        city,
        country,
        name_zone(id, city, country_code, country),
        abbreviations,
        tuple(dict.fromkeys([*list_tz_abbreviations(id), *list_cldr_abbreviations(id)])),
        tuple(filter(None, [country_code, COUNTRY_ABBREVIATIONS.get(country_code), *former_names])),
        id in list_major_zones(),
        rank,
    )


def name_zone(id: str, city: str, country_code: str, country: str) -> str:
    """Return the long name of a zone, such as `Central European Time`; else one of its country or city."""
    name = get_meta_zone(id).get("long", {}).get("generic" if has_summer_time(id) else "standard")
    if name or not country:
        return str(name or "")
    is_only_one = len(get_global("territory_zones").get(country_code, ())) <= 1
    return f"{country if is_only_one else city} Time"


def has_summer_time(id: str) -> bool:
    """Tell whether the clocks of a zone change with the seasons."""
    return len({instant.astimezone(ZoneInfo(id)).utcoffset() for instant in SEASONS}) > 1


def get_meta_zone(id: str) -> Mapping[str, Any]:
    """Return the names that a zone shares with others; an empty mapping without any."""
    meta_zone = get_global("meta_zones").get(get_global("zone_aliases").get(id, id))
    return load_locale().meta_zones.get(meta_zone, {}) if meta_zone else {}


def is_name_giver(id: str) -> bool:
    """Tell whether a zone is the world's first one of the standard time whose name it has in CLDR."""
    standard_name = get_meta_zone(id).get("long", {}).get("standard")
    return bool(standard_name) and get_global("windows_zone_mapping").get(standard_name) == id


def list_cldr_abbreviations(id: str) -> list[str]:
    """Return the abbreviations of a zone in CLDR: ET, EST, EDT."""
    kinds = ("standard", "daylight", "generic") if has_summer_time(id) else ("standard",)
    names = [str(get_meta_zone(id).get("short", {}).get(kind, "")) for kind in kinds]
    return [name for name in names if LETTERS.fullmatch(name)]


def list_tz_abbreviations(id: str) -> list[str]:
    """Return the abbreviations of a zone in the tz database: CET, CEST."""
    names = [instant.astimezone(ZoneInfo(id)).tzname() or "" for instant in SEASONS]
    return [name for name in names if LETTERS.fullmatch(name)]


@cache
def list_aliases() -> Mapping[str, Sequence[str]]:
    """Return the former names of zones."""
    aliases: dict[str, list[str]] = {}
    for former_id, id in get_global("zone_aliases").items():
        aliases.setdefault(id, []).append(former_id)
    return aliases


@cache
def list_major_zones() -> frozenset[str]:
    """Return the zones that CLDR gives to the time zones of Windows: one for all that share a name."""
    aliases = get_global("zone_aliases")
    return frozenset(aliases.get(id, id) for id in get_global("windows_zone_mapping").values())


@cache
def load_locale() -> Locale:
    """Load the names in English."""
    return Locale("en")

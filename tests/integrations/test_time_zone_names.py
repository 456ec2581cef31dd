"""Time zones as people name them, and the search in them."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest

from integrations.city_zones import CITIES
from integrations.time_zone_names import (
    describe_time_zone,
    find_time_zones,
    format_zone,
    list_time_zone_names,
    name_time_zone,
)

WINTER = datetime(2026, 1, 15, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, tzinfo=UTC)


class TestSearch:
    """Cities, countries, abbreviations and former names."""

    @pytest.mark.parametrize(
        ("words", "place"),
        [
            ("ber", "Berlin, Germany"),
            ("york", "New York, United States"),
            ("sao paulo", "São Paulo, Brazil"),
            ("SÃO PAULO", "São Paulo, Brazil"),
            ("portugal", "Lisbon, Portugal"),
            ("uk", "London, United Kingdom"),
            ("calcutta", "Kolkata, India"),
            ("kiev", "Kyiv, Ukraine"),
            ("india", "Kolkata, India"),
            ("jst", "Tokyo, Japan"),
            ("pst", "Los Angeles, United States"),
            ("pdt", "Los Angeles, United States"),
            ("mst", "Denver, United States"),
            ("cst", "Chicago, United States"),
            ("est", "New York, United States"),
            ("ist", "Jerusalem, Israel"),
            ("bst", "London, United Kingdom"),
            ("munich", "Berlin, Germany"),
            ("MÜNCHEN", "Berlin, Germany"),
            ("san fran", "Los Angeles, United States"),
            ("america/los_angeles", "Los Angeles, United States"),
            ("istan", "Istanbul, Türkiye"),
            ("utc", "UTC"),
        ],
    )
    def test_finds(self, words: str, place: str) -> None:
        assert find_time_zones(words)[0].place == place

    def test_ranks_whole_words_before_begins_and_begins_before_what_is_inside(self) -> None:
        places = [zone.place for zone in find_time_zones("ist")]
        assert set(places[:3]) == {"Jerusalem, Israel", "Kolkata, India", "Dublin, Ireland"}
        assert places[3] == "Istanbul, Türkiye"
        assert [zone.city for zone in find_time_zones("okyo")] == ["Tokyo"]

    def test_has_every_word(self) -> None:
        assert [zone.id for zone in find_time_zones("new york")] == ["America/New_York"]
        assert find_time_zones("berlin japan") == []

    def test_major_cities_come_first(self) -> None:
        assert find_time_zones("united states")[0].city == "New York"
        assert find_time_zones("cet")[0].city == "Berlin"
        assert "New York" in [zone.city for zone in find_time_zones("est")[:3]]


class TestCities:
    """The list of cities of our own."""

    def test_belongs_to_zones_that_the_search_has(self) -> None:
        ids = {zone.id for zone in list_time_zone_names()}
        assert CITIES.keys() <= ids


class TestNames:
    """As people say them."""

    @pytest.mark.parametrize(
        ("id", "instant", "name"),
        [
            ("Europe/Berlin", WINTER, "Central European Time (GMT+1)"),
            ("Europe/Berlin", SUMMER, "Central European Time (GMT+2)"),
            ("America/New_York", WINTER, "Eastern Time (GMT-5)"),
            ("America/Phoenix", SUMMER, "Mountain Standard Time (GMT-7)"),
            ("Asia/Calcutta", WINTER, "India Standard Time (GMT+5:30)"),
            ("UTC", WINTER, "UTC (GMT)"),
            ("Etc/GMT+8", WINTER, "GMT-8"),
            ("EST5EDT", WINTER, "EST5EDT (GMT-5)"),
        ],
    )
    def test_with_the_offset(self, id: str, instant: datetime, name: str) -> None:
        assert format_zone(id, instant) == name

    def test_every_zone_has_one(self) -> None:
        assert all(name_time_zone(id) and describe_time_zone(id).place for id in available_timezones())

    def test_former_names_are_those_of_today(self) -> None:
        assert describe_time_zone("Europe/Kiev").id == "Europe/Kyiv"
        assert describe_time_zone("Asia/Saigon").place == "Ho Chi Minh City, Vietnam"

    def test_places_are_listed_once(self) -> None:
        places = [zone.place for zone in list_time_zone_names()]
        assert len(places) > 400
        assert len(set(places)) == len(places)

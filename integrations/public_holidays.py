"""The public holidays of countries and regions, from the package `holidays`, imported when it is asked."""

from functools import lru_cache
from types import ModuleType

from babel.core import Locale

from domain.refusals import Invalid

LANGUAGES = ("en_US", "en_GB")


@lru_cache(maxsize=256)
def list_holidays(country: str, region: str | None, years: range) -> tuple[tuple[str, str], ...]:
    """Lists the public holidays of some years, each day with its name, days given in lieu included.

    The country is a code of ISO 3166-1, the region the part of ISO 3166-2 after it. Raises Invalid for another one.
    """
    library = _import_library()
    regions = library.list_supported_countries().get(country)
    if regions is None:
        raise Invalid(
            "holidays.country", "No public holidays are known of this country; use its two letters, as in DE."
        )
    if region is not None and region not in regions:
        raise Invalid("holidays.region", "This is not a region of this country, such as BY of DE.")
    languages = library.list_localized_countries().get(country, [])
    language = next((name for name in LANGUAGES if name in languages), None)
    calendar = library.country_holidays(country, subdiv=region, years=years, language=language)
    return tuple((day.isoformat(), name) for day, name in sorted(calendar.items()))


@lru_cache(maxsize=1)
def list_countries() -> dict[str, tuple[str, ...]]:
    """Lists the countries whose holidays are known, each with its regions."""
    countries = _import_library().list_supported_countries()
    return {country: tuple(regions) for country, regions in sorted(countries.items())}


@lru_cache(maxsize=1)
def name_countries() -> tuple[tuple[str, str], ...]:
    """Lists the countries whose holidays are known by their English names (CLDR): code and name, sorted by name."""
    territories = Locale("en").territories
    return tuple(sorted(((code, territories.get(code, code)) for code in list_countries()), key=lambda pair: pair[1]))


def _import_library() -> ModuleType:
    import holidays

    return holidays

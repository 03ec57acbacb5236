"""Weather and daylight of a price area, which the loads follow."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from local.sampledata import chance

_MEMORY = 0.7
"""The share of yesterday's deviation from the season that is left today."""
_DAYS_REMEMBERED = 12
_COLDEST_DAY = 20
_YEAR = 365.25


@dataclass(frozen=True)
class Place:
    """The location of a price area, its mean temperature over a year in °C, and the swing of the seasons."""

    latitude: float
    longitude: float
    mean: float
    swing: float


PLACES = {
    "NO1": Place(60.8, 11.1, 4.5, 12.5),
    "NO4": Place(69.6, 18.9, 3.2, 8.2),
    "NO5": Place(60.4, 5.3, 8.3, 7.2),
}


def temperature(area: str, moment: datetime) -> float:
    """Return °C at an aware moment: season, weather that lasts some days, and time of day."""
    place, day = PLACES[area], moment.date()
    season = -place.swing * math.cos(2 * math.pi * (day.timetuple().tm_yday - _COLDEST_DAY) / _YEAR)
    warmth = max(0.0, math.sin(math.radians(elevation(area, moment))))
    return place.mean + season + _deviation(area, day) + 5.0 * warmth - 1.0


def clouds(area: str, moment: datetime) -> float:
    """Return the covered share of the sky, 0 to 1; it varies by the hour around the level of the day."""
    level = chance.of("clouds", area, moment.date()).betavariate(1.6, 1.2)
    change = chance.of("clouds", area, moment.date(), moment.hour).gauss(0, 0.12)
    return min(1.0, max(0.0, level + change))


def elevation(area: str, moment: datetime) -> float:
    """Return the degrees of the sun above the horizon, negative below it; right to about a degree."""
    place, utc = PLACES[area], moment.astimezone(UTC)
    declination = -23.44 * math.cos(math.radians(360 / _YEAR * (utc.timetuple().tm_yday + 10)))
    solar_hour = utc.hour + utc.minute / 60 + place.longitude / 15
    angle = math.radians(15 * (solar_hour - 12))
    latitude, tilt = math.radians(place.latitude), math.radians(declination)
    sine = math.sin(latitude) * math.sin(tilt) + math.cos(latitude) * math.cos(tilt) * math.cos(angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


@lru_cache(maxsize=10_000)
def _deviation(area: str, day: date) -> float:
    """Return °C above the season: each day adds a push that fades, so any day can be computed alone."""
    return sum(
        _MEMORY**age * chance.of("weather", area, day - timedelta(days=age)).gauss(0, 2.4)
        for age in range(_DAYS_REMEMBERED)
    )

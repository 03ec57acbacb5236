"""The loads of the demo world: average power in kW at a moment, in local time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from local.sampledata import chance, sky

_FIXED_HOLIDAYS = {(1, 1), (5, 1), (5, 17), (12, 25), (12, 26)}
_COMFORT = 17.0
"""°C outdoors above which nothing is heated."""

SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True)
class Moment:
    """A moment by the clocks of Europe/Oslo, in a price area, for one metering point."""

    time: datetime
    area: str
    point: str

    @property
    def hour(self) -> float:
        """Hours since midnight by the clock on the wall."""
        return self.time.hour + self.time.minute / 60

    @property
    def weekday(self) -> int:
        """0 for Monday to 6 for Sunday; a public holiday of a fixed date is a Sunday."""
        day = self.time.date()
        return SUNDAY if (day.month, day.day) in _FIXED_HOLIDAYS else day.weekday()

    @property
    def cold(self) -> float:
        """Degrees that must be made up for by heating."""
        return max(0.0, _COMFORT - sky.temperature(self.area, self.time))

    def noise(self, share: float) -> float:
        """Return a factor around 1 that differs from interval to interval."""
        return max(0.2, chance.of(self.point, self.time.isoformat()).gauss(1, share))

    def day_noise(self, share: float) -> float:
        """Return a factor around 1 that differs from day to day."""
        return max(0.2, chance.of(self.point, self.time.date()).gauss(1, share))


Load = Callable[[Moment], float]


def bakery(at: Moment) -> float:
    """Return the load of a bakery: cold rooms, and ovens from three in the morning, none on Sunday."""
    ovens = {SATURDAY: 34.0, SUNDAY: 0.0}.get(at.weekday, 58.0)
    baking = ovens * _plateau(at.hour, 3, 10.5, soft=0.7) * at.day_noise(0.07)
    return (7.5 + baking + 6.0 * _plateau(at.hour, 4, 15) + 0.25 * at.cold) * at.noise(0.05)


def shop(at: Moment) -> float:
    """Return the load of a small shop in town, by its opening hours."""
    open_until = {SATURDAY: 16.0, SUNDAY: 0.0}.get(at.weekday, 18.0)
    return (0.9 + 6.2 * _plateau(at.hour, 7.5, open_until) + 0.11 * at.cold) * at.noise(0.08)


def office(at: Moment) -> float:
    """Return the load of an office and store: people from Monday to Friday, heating set back at night."""
    working = _plateau(at.hour, 7, 16.5, soft=0.8) if at.weekday < SATURDAY else 0.0
    heating = 0.55 * at.cold * (0.6 + 0.4 * _plateau(at.hour, 5, 17))
    return (2.8 + 11.0 * working * at.day_noise(0.08) + heating) * at.noise(0.07)


def roof(at: Moment) -> float:
    """Return the kW delivered by 60 kWp of solar cells on the office's roof."""
    height = sky.elevation(at.area, at.time)
    if height <= 0:
        return 0.0
    clear = math.pow(math.sin(math.radians(height)), 1.15)
    return 60.0 * 0.82 * clear * (1 - 0.78 * sky.clouds(at.area, at.time))


def net_office(at: Moment) -> float:
    """Return what the office takes from the grid when its own roof does not cover it."""
    return max(0.0, office(at) - roof(at))


def surplus(at: Moment) -> float:
    """Return what the roof delivers to the grid when the office does not use it."""
    return max(0.0, roof(at) - office(at))


def mall(at: Moment) -> float:
    """Return a shopping centre's light and ventilation: closed on Sundays, open longer in December."""
    closing = {SATURDAY: 18.0, SUNDAY: 0.0}.get(at.weekday, 21.0 if at.time.month == 12 else 20.0)
    return (62.0 + 190.0 * _plateau(at.hour, 7.5, closing + 0.5, soft=0.6) + 1.1 * at.cold) * at.noise(0.03)


def grocery(at: Moment) -> float:
    """Return the load of a grocery: refrigeration works more on warm days; the shop is open long."""
    cooling = 26.0 + 0.7 * max(0.0, sky.temperature(at.area, at.time) - 5)
    closing = 0.0 if at.weekday == SUNDAY else 22.5
    return (cooling + 34.0 * _plateau(at.hour, 6.5, closing)) * at.noise(0.04)


def charging(at: Moment) -> float:
    """Return the load of cars that charge: shoppers by day, a few at night, each with its own power."""
    demand = 7.0 * _plateau(at.hour, 9.5, 19, soft=1.5) * (0.45 if at.weekday == SUNDAY else 1.0)
    demand += 1.2 * (1 - _plateau(at.hour, 6, 20))
    draw = chance.of(at.point, "cars", at.time.isoformat())
    cars = sum(draw.random() < demand / 16 for _ in range(16))
    return 0.8 + sum(draw.uniform(3.2, 11.0) for _ in range(cars))


def heat_pump(at: Moment) -> float:
    """Return the load of the centre's heat plant, which is less efficient the colder it is."""
    return (
        1.5 + 4.6 * at.cold * (1 + 0.012 * at.cold) * (0.85 + 0.15 * _plateau(at.hour, 5, 20))
    ) * at.noise(0.05)


def outdoor_light(at: Moment) -> float:
    """Return the load while the sun is down: nearly all day in an arctic December, never in June."""
    return 4.2 * at.noise(0.01) if sky.elevation(at.area, at.time) < -1.0 else 0.06


def dwelling(at: Moment) -> float:
    """Return the load of a household with electric heating: mornings, evenings, a car charging at night."""
    evening, morning = _peak(at.hour, 19, 2.4), _peak(at.hour, 7.5, 1.2)
    day_off = 0.5 * _plateau(at.hour, 9, 17) if at.weekday >= SATURDAY else 0.0
    car = (
        6.4 * _plateau(at.hour, 0.5, 3.5, soft=0.2)
        if chance.of(at.point, at.time.date()).random() < 0.5
        else 0.0
    )
    return (0.45 + 1.5 * morning + 2.2 * evening + day_off + 0.13 * at.cold + car) * at.noise(0.18)


def barn(at: Moment) -> float:
    """Return the load of a barn: milking twice a day, fans in summer, frost protection in winter."""
    milking = _plateau(at.hour, 5.5, 8, soft=0.3) + 0.9 * _plateau(at.hour, 16.5, 19, soft=0.3)
    fans = 0.35 * max(0.0, sky.temperature(at.area, at.time) - 12)
    frost = 0.18 * max(0.0, -sky.temperature(at.area, at.time))
    return (3.1 + 13.5 * milking + fans + frost) * at.noise(0.06)


def grain_dryer(at: Moment) -> float:
    """Return the load of a dryer that works day and night for some days at a time in the harvest weeks."""
    day = at.time.date()
    harvest = date(day.year, 8, 20) <= day <= date(day.year, 9, 25)
    runs = harvest and chance.of(at.point, day - timedelta(days=day.toordinal() % 4)).random() < 0.65
    return 46.0 * at.noise(0.06) if runs else 0.12 * at.noise(0.1)


def _plateau(hour: float, start: float, end: float, *, soft: float = 0.4) -> float:
    """Return 1 from start to end, 0 outside, with soft edges; 0 when the end is not after the start."""
    if end <= start:
        return 0.0
    return 1 / (1 + math.exp((start - hour) / soft)) * 1 / (1 + math.exp((hour - end) / soft))


def _peak(hour: float, top: float, width: float) -> float:
    """Return a bell around an hour."""
    return math.exp(-(((hour - top) / width) ** 2))

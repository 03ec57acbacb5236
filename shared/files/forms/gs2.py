"""The form `gs2`: GS2 1.2, as Norwegian energy management systems read it.

The grammar follows https://github.com/3lvia/gs2 and files of several grid companies. Its traps: values are
given by position, all times of a file have one fixed offset from UTC, and many readers take an empty value
for 0. A time series holds consecutive days of one metering point in one direction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from itertools import chain, groupby
from tempfile import SpooledTemporaryFile

from shared import periods
from shared.files.forms import energy
from shared.files.forms.about import About, Counts, Gaps
from shared.files.forms.form import Form, Gs2, Key
from shared.metering import Direction, MeteringPointId, Quality, Resolution
from shared.series.assembly import Series, Sum, Values, kwh

_LINE_END = "\r\n"
_IN_MEMORY = 8_000_000
"""Bytes of time series that are kept in memory until their number, which the file begins with, is known."""
_PIECE = 256 * 1024
_NULL, _MISSING = "null", Quality.MISSING.letter
_FLOW = {Direction.CONSUMPTION: "out", Direction.PRODUCTION: "in"}
_STEPS = {Resolution.PT1H: "0000-00-00.01:00:00", Resolution.PT15M: "0000-00-00.00:15:00"}
_QUALITIES: Mapping[Quality, str] = {
    Quality.MEASURED: "0",
    Quality.CALCULATED: "0",
    Quality.ESTIMATED: "1",
    Quality.FINAL_ESTIMATED: "1",
    Quality.TEMPORARY: "1",
    Quality.MISSING: "X",
}
_PLACES_KEPT = 4_096


class UnfitForGs2(Exception):
    """GS2 cannot hold the series; the message says why and what to ask for instead."""


@dataclass(frozen=True)
class _Style:
    """How time series are written: `codes` by letter of quality, `zone` with the fixed offset."""

    key: Key
    codes: tuple[tuple[str, str], ...]
    zone: timezone
    gaps: Gaps

    def time(self, instant: datetime) -> str:
        """Write an instant."""
        return _time(instant, self.zone)


def pieces(series: Iterable[Series], *, form: Form, about: About, counts: Counts) -> Iterator[bytes]:
    """Yield the file in pieces; the first is made last, since it contains the number of time series.

    Raises:
        UnfitForGs2: a value is a sum, or the resolution changes within a metering point's series.
    """
    options = form.gs2 or Gs2()
    style = _style(options, about)
    # A large file is kept on disk meanwhile; nothing of it stays there.
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as spooled:
        for text in _time_series(series, style):
            counts.rows += 1
            spooled.write(text.encode("ascii"))
        objects = counts.rows + 2  # Both messages count.
        yield _start(options, about, style, objects).encode("ascii")
        spooled.seek(0)
        while piece := spooled.read(_PIECE):
            yield piece
        yield _end(about, objects).encode("ascii")


@lru_cache(maxsize=_PLACES_KEPT)
def _time(instant: datetime, zone: timezone) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d.%H:%M:%S}"


def _style(options: Gs2, about: About) -> _Style:
    codes = {**_QUALITIES, **(options.qualities or {})}
    return _Style(
        key=options.key,
        codes=tuple((quality.letter, code) for quality, code in codes.items()),
        zone=timezone(timedelta(hours=options.gmt_reference)),
        gaps=about.gaps,
    )


def _start(options: Gs2, about: About, style: _Style, objects: int) -> str:
    return _object(
        "Start-message",
        {
            "Id": about.name,
            "Message-type": "Settlement-data",
            "Version": "1.2",
            "Time": style.time(about.as_of),
            "To": options.to,
            "From": options.from_,
            "GMT-reference": f"{options.gmt_reference:+d}",
            "Number-of-objects": objects,
        },
    )


def _end(about: About, objects: int) -> str:
    return _object("End-message", {"Id": about.name, "Number-of-objects": objects})


def _object(name: str, keys: Mapping[str, object]) -> str:
    lines = [f"##{name}", *(f"#{key}={value}" for key, value in keys.items() if value is not None)]
    return _LINE_END.join(lines) + _LINE_END * (1 if name == "End-message" else 2)


def _time_series(series: Iterable[Series], style: _Style) -> Iterator[str]:
    for (point, direction), group in groupby(series, key=_key):
        parts = chain.from_iterable(each.parts for each in group)
        stretch: list[Values] = []
        resolution = end = None
        for run in _runs(parts, point=point):
            if run.resolution is not (resolution := resolution or run.resolution):
                raise UnfitForGs2(
                    f"The resolution of {point} changes on {run.day}, and a GS2 time series has one. "
                    "Ask for resolution PT1H, or for the days before and after by themselves."
                )
            is_held = style.gaps is Gaps.HOLD and _MISSING in run.qualities
            start, end_of_run = _span(run.day, run.resolution, run.first, len(run.qualities))
            if stretch and (is_held or end != start):
                yield _text(stretch, point=point, direction=direction, style=style)
                stretch = []
            if not is_held:
                stretch.append(run)
            end = end_of_run
        if stretch:
            yield _text(stretch, point=point, direction=direction, style=style)


def _key(series: Series) -> tuple[MeteringPointId, Direction]:
    return series.scope.metering_point_id, series.scope.direction


def _runs(parts: Iterable[Values | Sum], *, point: MeteringPointId) -> Iterator[Values]:
    for part in parts:
        if isinstance(part, Sum):
            raise UnfitForGs2(
                f"{point} is asked for as sums ({part.resolution}), and GS2 has steps of a fixed length. "
                "Ask for resolution PT1H, or leave the resolution out."
            )
        yield part


@lru_cache(maxsize=_PLACES_KEPT)
def _span(day: date, resolution: Resolution, first: int, count: int) -> tuple[datetime, datetime]:
    """Return where consecutive values start and end; cached, since metering points have the same days."""
    start = periods.start_of(day) + first * resolution.step
    return start, start + count * resolution.step


def _text(runs: Sequence[Values], *, point: MeteringPointId, direction: Direction, style: _Style) -> str:
    """Return the values of consecutive days as one time series."""
    first, last = runs[0], runs[-1]
    values = " ".join(_triplets(run, style) for run in runs)
    total = energy.watt_hours(",".join([run.quantities for run in runs]))
    keys = {} if style.key is not Key.REFERENCE else {str(style.key): point}
    after = {} if style.key is Key.REFERENCE else {str(style.key): point}
    return _object(
        "Time-series",
        {
            **keys,
            "Start": style.time(first.start),
            "Stop": style.time(last.start + len(last.qualities) * last.resolution.step),
            "Step": _STEPS[first.resolution],
            "Unit": "kWh",
            "Type-of-value": "interval",
            "Direction-of-flow": _FLOW[direction],
            "Value": f"< {values} >",
            "No-of-values": sum(len(run.qualities) for run in runs),
            "Sum": kwh(total),
            **after,
        },
    )


def _triplets(run: Values, style: _Style) -> str:
    """Return consecutive values: quantity, no time, and the code of the quality."""
    packed = run.quantities.replace(_NULL, "") if _MISSING in run.qualities else run.quantities
    return _places(run.qualities, style.codes) % tuple(packed.split(","))


@lru_cache(maxsize=_PLACES_KEPT)
def _places(letters: str, codes: tuple[tuple[str, str], ...]) -> str:
    code_of = dict(codes)
    return " ".join(f"%s//{code_of[letter]}" for letter in letters)

"""A drawing (SVG) of the likely cost against the number of metering points, stacked by part."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import pairwise

from operations.cost.model import Estimate
from operations.cost.prices import Currency

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 540, 90, 230, 60, 70
COLOURS = ("#3b6ea5", "#e0a030", "#5b9e6f", "#9a6fb0", "#c65b4f", "#7f8c8d", "#2f3e4e")


def svg(estimates: Sequence[Estimate], currency: Currency, *, note: str | None) -> str:
    """Return the drawing. Steps of the capacity and of the gateway's units are marked with what is needed.

    Args:
        estimates: at least two, by rising number of metering points.
        currency: of the amounts.
        note: what is written in a corner.
    """
    bills = [each.bills["likely"] for each in estimates]
    points = [each.use.points for each in estimates]
    parts = list(bills[0].parts())
    # Fabric's capacity on top, since it may be shared with others.
    top = max(bill.with_fabric for bill in bills) * currency.per_usd * 1.12

    def x(value: float) -> float:
        return LEFT + (value - points[0]) / (points[-1] - points[0]) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="26" font-size="17">Likely cost a month, {escape(currency.code)}, '
        f"{escape(estimates[0].environment.name)}</text>",
    ]
    below = [0.0] * len(bills)
    for index, part in enumerate(parts):
        above = [low + bill.parts()[part] * currency.per_usd for low, bill in zip(below, bills, strict=True)]
        edge = [f"{x(at):.1f},{y(value):.1f}" for at, value in zip(points, above, strict=True)]
        back = [f"{x(at):.1f},{y(value):.1f}" for at, value in zip(points, below, strict=True)]
        colour = COLOURS[index % len(COLOURS)]
        drawn.append(f'<polygon points="{" ".join([*edge, *reversed(back)])}" fill="{colour}"/>')
        row = TOP + 20 + (len(parts) - 1 - index) * 24
        drawn.append(
            f'<rect x="{WIDTH - RIGHT + 20}" y="{row - 11}" width="14" height="14" fill="{colour}"/>'
        )
        drawn.append(f'<text x="{WIDTH - RIGHT + 42}" y="{row}">{escape(part)}</text>')
        below = above
    drawn += _axes(points, top, x_of=[x(at) for at in points], y_of=y)
    for index, (at, what) in enumerate(steps(estimates)):
        across, label = x(at), TOP - 4 + 16 * (index % 2)
        drawn.append(
            f'<line x1="{across:.1f}" x2="{across:.1f}" y1="{TOP - 14}" y2="{HEIGHT - BOTTOM}" '
            'stroke="#222" stroke-dasharray="4 4"/>'
        )
        drawn.append(f'<text x="{across + 4:.1f}" y="{label}">{escape(what)}</text>')
    if note:
        drawn.append(f'<text x="{LEFT}" y="{HEIGHT - 4}" font-size="11">{escape(note)}.</text>')
    return "\n".join([*drawn, "</svg>"]) + "\n"


def steps(estimates: Sequence[Estimate]) -> list[tuple[int, str]]:
    """Return the numbers of metering points at which a larger capacity or another gateway unit is needed."""
    marks = []
    for before, after in pairwise(estimates):
        old, new = before.bills["likely"], after.bills["likely"]
        if new.fabric_size > old.fabric_size:
            marks.append((after.use.points, f"F{new.fabric_size}"))
        if new.gateway_units > old.gateway_units:
            marks.append((after.use.points, f"{new.gateway_units} gateway units"))
    return marks


def _axes(
    points: Sequence[int], top: float, *, x_of: Sequence[float], y_of: Callable[[float], float]
) -> Iterator[str]:
    magnitude = 10 ** (len(str(int(top))) - 1)
    step = next(each for each in (magnitude / 5, magnitude / 2, magnitude, magnitude * 2) if top / each <= 7)
    value = 0.0
    while value <= top:
        at = y_of(value)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#0002"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_thousands(value)}</text>'
        value += step
    for part in range(6):
        at_points = points[0] + (points[-1] - points[0]) * part / 5
        at = x_of[0] + (x_of[-1] - x_of[0]) * part / 5
        label = _thousands(at_points)
        yield f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{label}</text>'
    middle = (x_of[0] + x_of[-1]) / 2
    yield f'<text x="{middle:.1f}" y="{HEIGHT - 22}" text-anchor="middle">metering points</text>'


def _thousands(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")

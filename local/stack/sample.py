"""Keeps the sample data up to yesterday: all of it at first, the missing days at a later start."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from local.sampledata import deliveries
from local.sampledata.readings import Timeline

_FILE = "loaded.json"


@dataclass(frozen=True)
class Loaded:
    """The loaded part of the demo world: the timeline of the first delivery, and the last day since."""

    timeline: Timeline
    until: date


def write_missing(
    state: Path, *, yesterday: date, days: int = deliveries.DAYS
) -> tuple[list[list[Path]], Loaded]:
    """Write the deliveries that are missing up to yesterday.

    Returns the files to load, delivery by delivery, and the data that is loaded then. The correction is a
    delivery of its own: it corrects what has been published before it.
    """
    folder = state / "sample"
    loaded = read(state)
    if loaded is None:
        timeline = deliveries.timeline_until(yesterday, days=days)
        *first, correction = deliveries.write_first(folder, timeline)
        return [first, [correction]], Loaded(timeline, yesterday)
    new = [loaded.until + timedelta(days=number + 1) for number in range((yesterday - loaded.until).days)]
    if not new:
        return [], loaded
    return [[deliveries.write_days(folder, new, timeline=loaded.timeline)]], Loaded(
        loaded.timeline, yesterday
    )


def remember(state: Path, loaded: Loaded) -> None:
    """Store what has been loaded; call it after loading, since loading a file twice changes nothing."""
    texts = {"first": loaded.timeline.first, "last": loaded.timeline.last, "until": loaded.until}
    text = json.dumps({name: day.isoformat() for name, day in texts.items()})
    (state / "sample" / _FILE).write_text(text, encoding="utf-8")


def read(state: Path) -> Loaded | None:
    """Return what has been loaded; None before the first start."""
    file = state / "sample" / _FILE
    if not file.exists():
        return None
    days = {name: date.fromisoformat(text) for name, text in json.loads(file.read_text("utf-8")).items()}
    return Loaded(Timeline(days["first"], days["last"]), days["until"])

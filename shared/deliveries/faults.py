"""The faults of a file: equal faults are one fault with several lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SHOWN_LINES = 3
"""The most lines that are named for one fault."""
SHOWN_TEXTS = 5
"""The most different texts that are shown for one kind of fault, such as a negative quantity."""


@dataclass(frozen=True)
class Fault:
    """One fault and its lines.

    Attributes:
        line: the first line that has it, counted from 1 (in Parquet: the row); None if the warehouse read the
            file, since it does not count lines: the reason then quotes the row.
        reason: the fault as a sentence.
        next_lines: the lines after the first, up to SHOWN_LINES in all.
        count: how many lines have it.
    """

    line: int | None
    reason: str
    next_lines: tuple[int, ...] = ()
    count: int = 1

    @property
    def place(self) -> str:
        """The line as a word before the sentence."""
        return "" if self.line is None else f"line {self.line}: "

    @property
    def sentence(self) -> str:
        """The reason, with the other lines that have the same fault."""
        unnamed = self.count - 1 - len(self.next_lines)
        named = [str(line) for line in self.next_lines]
        if unnamed > 0:
            named.append(f"{unnamed:,} more")
        if not named:
            return self.reason
        *all_but_last, last = named
        return f"{self.reason} (Also in {' and '.join(filter(None, [', '.join(all_but_last), last]))}.)"


class Rejected(Exception):
    """A file has faults; nothing of it was loaded."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        super().__init__(f"{path.name}: {len(faults)} faults, the first: {faults[0].place}{faults[0].reason}")
        self.path = path
        self.faults = tuple(faults)


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Return faults in the order of their first lines."""
    return sorted(faults, key=lambda fault: fault.line or 0)


@dataclass
class _Places:
    """The lines of one fault: the first few, and how many there are."""

    first: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.first) < SHOWN_LINES:
            self.first.append(line)


class Faults:
    """The faults of one file. Memory does not grow with their number."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, _Places]] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, kind: str, reason: str, lines: Iterable[int]) -> None:
        """Add a fault.

        Args:
            kind: the fault without its text, such as `quantity is negative`.
            reason: the fault with the faulty text; at most SHOWN_TEXTS of a kind are reported separately.
            lines: the lines that have it.
        """
        of_kind = self._found.setdefault(kind, {})
        if reason not in of_kind and len(of_kind) >= SHOWN_TEXTS:
            reason = f"{kind} in other ways, too."
        places = of_kind.setdefault(reason, _Places())
        for line in lines:
            places.add(line)

    def all(self) -> list[Fault]:
        """Return the faults in the order of their first lines."""
        return in_order(self._each())

    def _each(self) -> Iterator[Fault]:
        for of_kind in self._found.values():
            for reason, places in of_kind.items():
                first, *others = places.first
                yield Fault(first, reason, tuple(others), places.count)

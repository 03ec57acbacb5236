"""Splits long texts for stores and logs that truncate or refuse them."""

AT_MOST = 30_000
"""UTF-16 code units. Azure Monitor truncates a log line, and Table Storage limits a text, at 32 768."""


def parts(text: str, *, at_most: int = AT_MOST) -> list[str]:
    """Split a text into parts of at most `at_most` UTF-16 code units, at the ends of lines if possible.

    Joined, the parts are the text. An empty text is one part.
    """
    joined, length = [""], 0
    for piece in _pieces(text, at_most=at_most):
        units = _units(piece)
        if length + units > at_most:
            joined.append("")
            length = 0
        joined[-1] += piece
        length += units
    return joined


def _pieces(text: str, *, at_most: int) -> list[str]:
    """Return the lines with their ends; a line longer than a part is cut into pieces."""
    pieces = []
    for line in text.splitlines(keepends=True):
        if _units(line) <= at_most:
            pieces.append(line)
        else:
            # A character takes at most two code units.
            size = at_most // 2
            pieces += [line[start : start + size] for start in range(0, len(line), size)]
    return pieces


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2

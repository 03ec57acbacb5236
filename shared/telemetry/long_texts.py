"""Long texts for stores and logs that cut what is longer than they take."""

AT_MOST = 30_000
"""UTF-16 code units: Azure Monitor cuts a log line, and Table Storage limits a text, at 32 768."""


def parts(text: str, *, at_most: int = AT_MOST) -> list[str]:
    """Return the text in parts of at most so many UTF-16 code units, ended where a line ends if possible.

    Nothing is lost or added: the parts joined are the text. An empty text is one part.
    """
    found, length = [""], 0
    for piece in _pieces(text, at_most=at_most):
        units = _units(piece)
        if length + units > at_most:
            found.append("")
            length = 0
        found[-1] += piece
        length += units
    return found


def _pieces(text: str, *, at_most: int) -> list[str]:
    """Lines with their ends; one that is longer than a part comes in several pieces."""
    pieces = []
    for line in text.splitlines(keepends=True):
        if _units(line) <= at_most:
            pieces.append(line)
        else:
            # Half as many characters as code units fit whatever the characters are.
            size = at_most // 2
            pieces += [line[start : start + size] for start in range(0, len(line), size)]
    return pieces


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2

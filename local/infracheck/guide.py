"""Whether the operators' guides speak of what exists: variables in their commands, values to be set."""

import re
from collections.abc import Iterable, Mapping

_BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_USED = re.compile(r"\$\{?([A-Z][A-Z_]+)\b")
_ASSIGNED = re.compile(r"\b([A-Z][A-Z_]+)=|\bread -rs ([A-Z_]+)|\bfor ([A-Z_]+) in|\bazd env set ([A-Z_]+)")


def unknown_variables(guide: str, *, outputs: Iterable[str], given: Iterable[str] = ()) -> list[str]:
    """Shell variables in a guide's commands that no command sets and no deployment gives.

    `outputs` are those of main.bicep, which azd keeps; `given` is what the text tells the reader to have.
    """
    commands = "\n".join([*_BLOCK.findall(guide), *_INLINE.findall(_BLOCK.sub("", guide))])
    assigned = {name for match in _ASSIGNED.findall(commands) for name in match if name}
    known = assigned | set(outputs) | set(given)
    return [f"${name} is set by nothing." for name in sorted(set(_USED.findall(commands)) - known)]


_READ = re.compile(r"readEnvironmentVariable\('(\w+)'(,)?")


def unexplained_values(parameter_files: Mapping[str, str], *, guide: str) -> list[str]:
    """Values that a parameter file (by path) reads from the environment and that the guide does not set."""
    return [
        f"{path} reads {name}, which the guide does not set."
        for path, text in sorted(parameter_files.items())
        for name in sorted({name for name, _ in _READ.findall(text)})
        if not re.search(rf"azd env set {name}\b", guide)
    ]

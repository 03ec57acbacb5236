"""The ports of the local stack on 127.0.0.1; all of them shift together."""

from dataclasses import dataclass

HOST = "127.0.0.1"
LAST_PORT_BASE = 65_523
"""The highest base from which all of a stack's ports exist."""


@dataclass(frozen=True)
class Ports:
    """A port for each part of the stack."""

    gateway: int = 8080
    function_host: int = 7071
    identity: int = 8085
    standins: int = 8086
    sftp: int = 8087
    azurite_blob: int = 10000
    azurite_queue: int = 10001
    azurite_table: int = 10002

    @classmethod
    def from_base(cls, base: int | None) -> "Ports":
        """Return the default ports, or consecutive ones from `base`, so that two stacks run side by side."""
        if base is None:
            return cls()
        return cls(base, base + 1, base + 2, base + 3, base + 4, base + 10, base + 11, base + 12)


def address(port: int) -> str:
    """Return the base address of a part."""
    return f"http://{HOST}:{port}"

"""Finds free ports.

They lie below the ports that systems give to outgoing connections and to listeners without a number. Each
process begins in its own block, so that two test processes do not hand out the same port.
"""

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import astuple, fields

from local import ports as named
from local.ports import Ports

_SINGLE = range(20_000, 26_000)
_BASES = range(26_000, 32_000, 20)
_BLOCKS = 60
"""Processes that start one after the other have ids, and so blocks, that follow each other."""


def ports() -> Ports:
    """Return a free port for each part of a stack that only this process needs to find."""
    return Ports(*numbers(len(fields(Ports))))


def base() -> int:
    """Return a `--port-base` from which on all the ports of a stack are free.

    Raises:
        OSError: if every port is in use.
    """
    for candidate in itertools.islice(_candidate_bases, len(_BASES)):
        if _are_free(astuple(Ports.from_base(candidate))):
            return candidate
    raise OSError(f"every port from {_BASES.start} to {_BASES.stop} is in use")


def numbers(count: int) -> list[int]:
    """Return different ports that were free a moment ago.

    Raises:
        OSError: if every port is in use.
    """
    unused = (port for port in itertools.islice(_candidates, len(_SINGLE)) if _are_free((port,)))
    found = list(itertools.islice(unused, count))
    if len(found) < count:
        raise OSError(f"every port from {_SINGLE.start} to {_SINGLE.stop} is in use")
    return found


def _from_own_block(numbers: range) -> Iterator[int]:
    """Yield the numbers again and again, beginning with those of this process's block."""
    first = os.getpid() % _BLOCKS * len(numbers) // _BLOCKS
    return itertools.cycle((*numbers[first:], *numbers[:first]))


def _are_free(wanted: tuple[int, ...]) -> bool:
    with ExitStack() as probes:
        try:
            for port in wanted:
                probes.enter_context(socket.socket()).bind((named.HOST, port))
        except OSError:
            return False
    return True


_candidates = _from_own_block(_SINGLE)
_candidate_bases = _from_own_block(_BASES)

"""Ports that nobody uses."""

import os
import socket
from contextlib import ExitStack
from dataclasses import astuple, fields

from local import ports as named
from local.ports import Ports


def ports() -> Ports:
    """A free port for each part of a stack that only this process needs to find."""
    return Ports(*numbers(len(fields(Ports))))


def base() -> int:
    """A `--port-base` none of whose ports is used, below those that systems give to outgoing connections."""
    candidates = range(20_000, 32_000, 20)
    first = os.getpid() % len(candidates)
    candidate: int
    for candidate in (*candidates[first:], *candidates[:first]):
        if _nobody_uses(astuple(Ports.from_base(candidate))):
            return candidate
    raise OSError("every port from 20000 to 32000 is in use")


def _nobody_uses(wanted: tuple[int, ...]) -> bool:
    with ExitStack() as probes:
        try:
            for port in wanted:
                probes.enter_context(socket.socket()).bind((named.HOST, port))
        except OSError:
            return False
    return True


def numbers(count: int) -> list[int]:
    """Different ports that nobody listened on a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((named.HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()

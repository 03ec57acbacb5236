"""Ports that nobody uses."""

import socket
from dataclasses import fields

from local import ports as named
from local.ports import Ports


def ports() -> Ports:
    """A free port for each part of a stack that only this process needs to find."""
    return Ports(*numbers(len(fields(Ports))))


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

"""Ports that are handed out can be listened on."""

import socket
import subprocess
import sys
from dataclasses import astuple

from local import places
from local.ports import Ports
from local.stack import free


def test_no_port_is_handed_out_twice() -> None:
    first, second = free.numbers(50), free.numbers(50)

    assert len({*first, *second}) == 100


def test_a_port_that_somebody_listens_on_is_left_out() -> None:
    (before,) = free.numbers(1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", before + 1))
        taken.listen()

        assert before + 1 not in free.numbers(5)


def test_all_ports_of_a_base_are_free() -> None:
    for port in astuple(Ports.from_base(free.base())):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_two_processes_begin_in_blocks_of_their_own() -> None:
    code = "from local.stack import free; print(*free.numbers(20), free.base())"

    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=places.ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    first, second = (process.communicate()[0].split() for process in both)

    assert len(first) == len(second) == 21
    assert set(first) & set(second) == set()

"""Memory and processor time of processes during a measurement, where the system reports it (Linux)."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

MEGABYTE = 1_000_000
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


async def watch(processes: Mapping[str, int], *, seconds: float) -> dict[str, dict[str, float]]:
    """Return resident megabytes at the start, half-way and at the end, and processor seconds between."""
    everybody = {**processes, "the clients": os.getpid()}
    memory = [{name: resident(id_) for name, id_ in everybody.items()}]
    before = {name: processor_seconds(id_) for name, id_ in everybody.items()}
    for _ in range(2):
        await asyncio.sleep(seconds / 2)
        memory.append({name: resident(id_) for name, id_ in everybody.items()})
    return {
        name: {
            "MB at start": memory[0][name],
            "MB half-way": memory[1][name],
            "MB at end": memory[2][name],
            "processor s": round(processor_seconds(id_) - before[name], 1),
        }
        for name, id_ in everybody.items()
    }


def resident(process_id: int) -> float:
    """Return the megabytes of memory in use now."""
    status = Path(f"/proc/{process_id}/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return round(int(line.split()[1]) * 1024 / MEGABYTE, 1)


def processor_seconds(process_id: int) -> float:
    """Return the seconds of processor time so far, in user and system mode."""
    stat = Path(f"/proc/{process_id}/stat")
    if not stat.exists():
        return 0.0
    parts = stat.read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / _TICKS


def most_resident() -> float:
    """Return the megabytes of memory that this process had at most."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) * 1024 / MEGABYTE, 1)

"""Running processes: what they use, and which cores they may use. Source: proc(5)."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def memory_bytes(pid: int) -> int:
    """The resident memory of a process and of all that it started."""
    return sum(_resident_bytes(member) for member in family(pid))


def cpu_s(pid: int) -> float:
    """The processor time, user and system, that a process and all that it started have used."""
    return sum(_used_s(member) for member in family(pid))


def family(pid: int) -> list[int]:
    """A process and its descendants that run now."""
    children: dict[int, list[int]] = {}
    for member in _all_pids():
        with suppress(OSError):
            children.setdefault(int(_stat(member)[1]), []).append(member)
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


@contextmanager
def on_cores(pid: int, cores: Iterable[int]) -> Iterator[None]:
    """Keep a process and its descendants, with what they start meanwhile, on ``cores`` while the block runs."""
    before = os.sched_getaffinity(pid)
    _keep(pid, set(cores))
    try:
        yield
    finally:
        _keep(pid, before)


def one_core() -> set[int]:
    """The core that measurements on one core run on."""
    return {max(os.sched_getaffinity(0))}


def _keep(pid: int, cores: set[int]) -> None:
    for member in family(pid):
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{member}/task"):
                with suppress(OSError):  # it ended meanwhile
                    os.sched_setaffinity(int(thread), cores)


def _all_pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _resident_bytes(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    return 0


def _used_s(pid: int) -> float:
    """In nanoseconds where the kernel counts them, else in its ticks."""
    with suppress(OSError):
        threads = (Path(f"/proc/{pid}/task/{thread}/schedstat") for thread in os.listdir(f"/proc/{pid}/task"))
        if used_ns := sum(int(thread.read_text().split()[0]) for thread in threads):
            return used_ns / 1e9
    with suppress(OSError):
        fields = _stat(pid)
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
    return 0.0


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may hold anything: state, parent, …"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

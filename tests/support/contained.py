"""A container engine of the tests' own, gone with the test run whatever happens.

It runs in its own mount and process namespaces under a chain of parent-death signals: when the test run ends, even by
SIGKILL, the kernel ends the engine, its containers and its mounts together. What is left is a folder and empty control
groups, which the next run removes once the lock on the folder is free.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
import psutil
import pytest

from tests.support.eventually import DEADLINE_S

PREFIX = "we-docker-"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerEngineHandle:
    """A running engine: its address, a client of the SDK, and its process."""

    host: str
    client: docker.DockerClient
    pid: int


@contextlib.contextmanager
def contained_engine(
    command: Callable[[Path], Sequence[str]],
    *,
    environment: Callable[[Path], Mapping[str, str]] = lambda _: {},
    has_own_network: bool = False,
) -> Iterator[DockerEngineHandle]:
    """Run what serves an engine at ``sock`` in the folder that it is given, and keeps its images in ``data`` there."""
    _remove_stale()
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    with _locked(root), (root / "log").open("wb") as log:
        contained = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"]
        if has_own_network:
            contained.append("--net")
        # Images in memory: unpacking them is most of the work, and nothing of them is left to remove.
        (root / "data").mkdir()
        in_memory = ["sh", "-c", 'mount -t tmpfs -o size=4g images "$0" && exec "$@"', f"{root}/data"]
        process = subprocess.Popen(
            [*contained, "--mount-proc", *in_memory, *command(root)],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **environment(root)},
        )
        try:
            client = _connect(process, root)
            try:
                yield DockerEngineHandle(host=f"unix://{root}/sock", client=client, pid=_inner(process).pid)
            finally:
                client.close()
        finally:
            _stop(process)
            _remove(root)


def require(*tools: str, package: str) -> None:
    """Fail the test where it cannot have an engine."""
    for tool in (*tools, "setpriv", "unshare"):
        if shutil.which(tool) is None:
            pytest.fail(f"The tests of engines need `{tool}`: apt-get install {package} util-linux", pytrace=False)
    if os.geteuid() != 0:
        pytest.fail("The tests of engines start their own and must run as root.", pytrace=False)


def _connect(process: subprocess.Popen[bytes], root: Path) -> docker.DockerClient:
    deadline = time.monotonic() + DEADLINE_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(f"{root}/sock")
            return docker.DockerClient(base_url=f"unix://{root}/sock", timeout=120)
        time.sleep(0.05)
    tail = (root / "log").read_text(errors="replace")[-3000:]
    pytest.fail(f"The engine did not start:\n{tail}", pytrace=False)


def _stop(process: subprocess.Popen[bytes]) -> None:
    # The engine is the first process of its namespace: with it the kernel ends all others, and only then does
    # ``unshare`` see its end. Killing ``unshare`` itself would not wait for that.
    with contextlib.suppress(psutil.NoSuchProcess, ValueError):
        _inner(process).kill()
    process.wait(timeout=DEADLINE_S)


def _inner(process: subprocess.Popen[bytes]) -> psutil.Process:
    """The engine itself, below ``unshare``, which is the one child that it has."""
    (engine,) = psutil.Process(process.pid).children()
    return engine


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_stale() -> None:
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with (root / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(root)
        except OSError:
            continue  # in use by another run, or not ours


def _remove(root: Path) -> None:
    groups = Path("/sys/fs/cgroup")
    for top in (groups / root.name, *groups.glob(f"*/{root.name}")):
        for group in sorted((top, *top.glob("**/")), reverse=True):
            with contextlib.suppress(OSError):
                group.rmdir()
    shutil.rmtree(root, ignore_errors=True)

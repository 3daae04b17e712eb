"""A real Docker Engine for the tests: started for the session, and gone with it whatever happens.

``dockerd`` runs in its own mount and process namespaces under a chain of parent-death signals: when the test run
ends, even by SIGKILL, the kernel ends the engine, its containers and its mounts together. What is left is a folder
and empty control groups, which the next run removes once the lock on the folder is free.

Containers use the host's network (the bots are given free ports), so that neither iptables nor a bridge is touched and
engines of several runs live side by side.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import docker
import psutil
import pytest
from docker.models.containers import Container
from docker.models.services import Service
from docker.types import RestartPolicy

from tests.support.base_image import base_tar
from tests.support.eventually import DEADLINE_S
from tests.support.images import build_bot_image, build_web_image
from tests.support.ports import free_port

PREFIX = "we-docker-"
BASE_IMAGE = "whisperengine-test-base"
BOT_LABEL = "whisperengine.bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerEngineHandle:
    """A running engine: its address, a client of the SDK, and its process."""

    host: str
    client: docker.DockerClient
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BotContainer:
    """A running ``sample_bot``, labelled as the fleet's bots are."""

    name: str
    port: int
    url: str
    container: Container


@dataclass(frozen=True, slots=True, kw_only=True)
class BotService:
    """A Swarm service whose one task runs ``sample_bot``."""

    name: str
    port: int
    url: str
    service: Service


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngineHandle]:
    """A real engine, a Swarm manager of one node, for the whole session."""
    with running_engine() as engine:
        _join_swarm(engine.client)
        yield engine


@contextlib.contextmanager
def running_engine(*, has_own_network: bool = False) -> Iterator[DockerEngineHandle]:
    """An engine of its own. ``has_own_network``: in a network namespace, where it may make bridges."""
    _remove_stale()
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    with _locked(root), (root / "log").open("wb") as log:
        process = _start(root, log, has_own_network=has_own_network)
        try:
            client = _connect(process, root)
            try:
                yield DockerEngineHandle(host=f"unix://{root}/sock", client=client, pid=_inner(process).pid)
            finally:
                client.close()
        finally:
            _stop(process)
            _remove(root)


@pytest.fixture(scope="session")
def base_image(docker_engine: DockerEngineHandle) -> str:
    """An image that stands in for ``python:3.11-slim-bookworm``."""
    with base_tar().open("rb") as tar:
        docker_engine.client.api.import_image_from_data(tar, repository=BASE_IMAGE, tag="latest")
    return f"{BASE_IMAGE}:latest"


@pytest.fixture(scope="session")
def bot_image(docker_engine: DockerEngineHandle, base_image: str) -> str:
    """An image that can run ``python -m sample_bot``."""
    return build_bot_image(docker_engine.client, base_image)


@pytest.fixture(scope="session")
def web_image(docker_engine: DockerEngineHandle, base_image: str) -> str:
    """The image of Dockerfile.web."""
    return build_web_image(docker_engine.client, base_image)


@pytest.fixture
def bot_container(docker_engine: DockerEngineHandle, bot_image: str) -> Iterator[Callable[..., BotContainer]]:
    """Start labelled bots: ``bot_container("elena", **options of the SDK's run)``; they are removed afterwards."""
    with contextlib.ExitStack() as stack:

        def start(bot_name: str, *, labels: dict[str, str] | None = None, **options: Any) -> BotContainer:
            port = free_port()
            settings: dict[str, Any] = {
                "name": f"whisperengine-{bot_name}-bot-{uuid.uuid4().hex[:8]}",
                "command": _bot_command(bot_name, port),
                "labels": _bot_labels(bot_name, port) if labels is None else labels,
                "network_mode": "host",
            }
            container = docker_engine.client.containers.run(bot_image, detach=True, **settings | options)
            stack.callback(_discard, container)
            return BotContainer(name=bot_name, port=port, url=f"http://127.0.0.1:{port}", container=container)

        yield start


@pytest.fixture
def bot_service(docker_engine: DockerEngineHandle, bot_image: str) -> Iterator[Callable[[str], BotService]]:
    """Start bots as Swarm services of one task: ``bot_service("elena")``; they are removed afterwards."""
    with contextlib.ExitStack() as stack:

        def start(name: str) -> BotService:
            port = free_port()
            services: Any = docker_engine.client.services  # untyped in the stubs
            service = services.create(
                bot_image,
                command=_bot_command(name, port),
                name=f"{name}-bot-{uuid.uuid4().hex[:8]}",
                labels=_bot_labels(name, port),
                networks=["host"],
                restart_policy=RestartPolicy(condition="any", delay=0),
            )
            stack.callback(service.remove)
            return BotService(name=name, port=port, url=f"http://127.0.0.1:{port}", service=service)

        yield start


def _bot_command(name: str, port: int) -> list[str]:
    return ["python", "-m", "sample_bot", "--name", name, "--host", "127.0.0.1", "--port", str(port)]


def _bot_labels(name: str, port: int) -> dict[str, str]:
    return {BOT_LABEL: name, f"{BOT_LABEL}.port": str(port)}


def _start(root: Path, log: IO[bytes], *, has_own_network: bool) -> subprocess.Popen[bytes]:
    for tool in ("dockerd", "containerd", "setpriv", "unshare"):
        if shutil.which(tool) is None:
            pytest.fail(f"The Docker tests need `{tool}`: apt-get install docker.io util-linux", pytrace=False)
    if os.geteuid() != 0:
        pytest.fail("The Docker tests start their own engine and must run as root.", pytrace=False)
    contained = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"]
    if has_own_network:
        contained.append("--net")
    # Images in memory: unpacking them is most of the work, and nothing of them is left to remove.
    (root / "data").mkdir()
    in_memory = ["sh", "-c", 'mount -t tmpfs -o size=4g images "$0" && exec "$@"', f"{root}/data"]
    engine = [
        *("dockerd", f"--host=unix://{root}/sock", f"--data-root={root}/data", f"--exec-root={root}/exec"),
        *(f"--pidfile={root}/pid", f"--cgroup-parent=/{root.name}", "--exec-opt=native.cgroupdriver=cgroupfs"),
        *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--config-file="),
    ]
    command = [*contained, "--mount-proc", *in_memory, *engine]
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def _connect(process: subprocess.Popen[bytes], root: Path) -> docker.DockerClient:
    deadline = time.monotonic() + DEADLINE_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(f"{root}/sock")
            return docker.DockerClient(base_url=f"unix://{root}/sock", timeout=120)
        time.sleep(0.05)
    tail = (root / "log").read_text(errors="replace")[-3000:]
    pytest.fail(f"dockerd did not start:\n{tail}", pytrace=False)


def _join_swarm(client: docker.DockerClient) -> None:
    # An address of its own in the loopback network, since the port of the gossip is fixed.
    address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}.{secrets.randbelow(250) + 2}"
    port = free_port()
    client.swarm.init(advertise_addr=address, listen_addr=f"{address}:{port}", data_path_addr=address)


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


def _discard(container: Container) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        container.remove(force=True, v=True)

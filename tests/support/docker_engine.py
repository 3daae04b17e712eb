"""A real Docker Engine for the tests: started for the session, and gone with it whatever happens.

Containers use the host's network (the bots are given free ports), so that neither iptables nor a bridge is touched and
engines of several runs live side by side.
"""

import contextlib
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container
from docker.models.services import Service
from docker.types import RestartPolicy

from tests.support.base_image import base_tar
from tests.support.contained import DockerEngineHandle, contained_engine, require
from tests.support.images import build_bot_image, build_web_image
from tests.support.ports import free_port

__all__ = ["DockerEngineHandle", "running_engine"]

BASE_IMAGE = "whisperengine-test-base"
BOT_LABEL = "whisperengine.bot"


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
def running_engine(
    *, has_own_network: bool = False, tls: tuple[int, Path] | None = None
) -> Iterator[DockerEngineHandle]:
    """An engine of its own. ``has_own_network``: in a network namespace, where it may make bridges.

    ``tls``: it listens on this port too, to who has a certificate of the authority in this folder.
    """
    require("dockerd", "containerd", package="docker.io")
    secured: list[str] = []
    if tls is not None:
        port, folder = tls
        secured = [f"--host=tcp://127.0.0.1:{port}", "--tlsverify", f"--tlscacert={folder}/ca.pem"]
        secured += [f"--tlscert={folder}/cert.pem", f"--tlskey={folder}/key.pem"]

    def command(root: Path) -> list[str]:
        return [
            *("dockerd", f"--host=unix://{root}/sock", f"--data-root={root}/data", f"--exec-root={root}/exec"),
            *(f"--pidfile={root}/pid", f"--cgroup-parent=/{root.name}", "--exec-opt=native.cgroupdriver=cgroupfs"),
            *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--config-file="),
            *secured,
        ]

    with contained_engine(command, has_own_network=has_own_network) as engine:
        yield engine


@pytest.fixture(scope="session")
def base_image(docker_engine: DockerEngineHandle) -> str:
    """An image that stands in for ``python:3.11-slim-bookworm``."""
    return import_base(docker_engine)


def import_base(engine: DockerEngineHandle) -> str:
    """Give an engine the base image, and return its tag."""
    with base_tar().open("rb") as tar:
        engine.client.api.import_image_from_data(tar, repository=BASE_IMAGE, tag="latest")
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


def _join_swarm(client: docker.DockerClient) -> None:
    # An address of its own in the loopback network, since the port of the gossip is fixed.
    address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}.{secrets.randbelow(250) + 2}"
    port = free_port()
    client.swarm.init(advertise_addr=address, listen_addr=f"{address}:{port}", data_path_addr=address)


def _discard(container: Container) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        container.remove(force=True, v=True)

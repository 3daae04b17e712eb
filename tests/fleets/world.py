"""Fleets that run: each generation on a machine of its own, and a way to stand beside it.

The machine is a real engine in a network namespace of its own, on which the real compose starts the fleet. So each has
the ports of the field, whatever else uses them here, and several runs live side by side. A test that is to reach these
ports runs on that machine: see ``beside``.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import functools
import http.client
import socket
import struct
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, ParamSpec

import pytest
from docker.models.containers import Container

from chat_api.core.settings import Settings
from tests.fleets import v1, v2
from tests.fleets.bots import V1_BOTS, V2_BOTS, FieldBot
from tests.fleets.stand_ins import BOT_IMAGE, STORE_IMAGES
from tests.support.api import MakeSettings
from tests.support.commands import environment
from tests.support.compose_cli import docker_config
from tests.support.docker_engine import DockerEngineHandle, import_base, running_engine
from tests.support.eventually import DEADLINE_S
from tests.support.images import build_bot_image

# Source: sched.h, sockios.h and if.h of Linux.
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
P = ParamSpec("P")
Generation = Literal["v1", "v2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One running fleet: what is in it, by its operator's names. A test leaves it as it found it."""

    generation: Generation
    project: str
    folder: Path
    network: str
    bots: Mapping[str, FieldBot]
    engine: DockerEngineHandle
    config: Path

    def container(self, name: str) -> Container:
        """A container by its name, or a bot's by the bot's key."""
        return self.engine.client.containers.get(self.container_of(name) if name in self.bots else name)

    def container_of(self, bot: str) -> str:
        """The name of a bot's container."""
        return f"{bot}-bot" if self.generation == "v1" else f"{self.project}-{bot}"

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of its workers' containers."""
        if self.generation == "v1":
            return v1.WORKERS
        return tuple(f"{self.project}-worker-{name}-1" for name in v2.WORKERS)

    @property
    def stores(self) -> Mapping[str, str]:
        """The names of its stores' containers, by what they are."""
        if self.generation == "v1":
            return {name: name for name in v1.STORES}
        return {name: f"{self.project}-{name}" for name in v2.STORES}

    def settings(self, make: MakeSettings, **overrides: Any) -> Settings:
        """What an operator who clones the console beside this fleet sets, and nothing that describes a bot."""
        ours: dict[str, Any] = {
            "docker_host": self.engine.host,
            "bots_env_dir": self.folder,
            "characters_dir": self.folder / "characters",
            "bots_config": None,
            "bots_host_mode": "auto",
        }
        return make(**(ours | overrides))

    def compose(self, *arguments: str) -> None:
        """``docker compose`` as the fleet's operator calls it."""
        env = environment(DOCKER_HOST=self.engine.host, DOCKER_CONFIG=self.config)
        file = v1.FILE if self.generation == "v1" else v2.FILE
        command = ["docker", "compose", "-p", self.project, "-f", file, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr

    def enter(self) -> None:
        """Put this thread, and all that it starts from now on, on the fleet's machine."""
        with open(f"/proc/{self.engine.pid}/ns/net") as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_one:
            fcntl.ioctl(any_one, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def beside(test: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
    """A test that runs on the machine of the fleet that it is given, in a thread with a loop of its own.

    There ``localhost`` is that machine: what the test starts reaches the bots at the ports of the field.
    """

    @functools.wraps(test)
    async def run(*args: P.args, **kwargs: P.kwargs) -> None:
        fleet = next(value for value in kwargs.values() if isinstance(value, Fleet))

        def on_its_machine() -> None:
            fleet.enter()
            asyncio.run(_finished(test(*args, **kwargs)))

        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside") as thread:
            await asyncio.get_running_loop().run_in_executor(thread, on_its_machine)

    return run


@pytest.fixture(scope="session")
def v1_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet of the first generation, on a machine where nothing else runs."""
    folder = tmp_path_factory.mktemp("v1") / "whisperengine"
    v1.write_fleet(folder)
    with running_fleet("v1", folder) as fleet:
        yield fleet


@pytest.fixture(scope="session")
def v2_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet of the second generation, on a machine where nothing else runs."""
    folder = tmp_path_factory.mktemp("v2") / v2.PROJECT
    v2.write_fleet(folder)
    with running_fleet("v2", folder) as fleet:
        yield fleet


@contextlib.contextmanager
def running_fleet(generation: Generation, folder: Path) -> Iterator[Fleet]:
    """A machine, and on it the fleet whose files are in ``folder``."""
    is_v1 = generation == "v1"
    config = docker_config()
    with running_engine(has_own_network=True) as engine:
        _make_images(engine)
        fleet = Fleet(
            generation=generation,
            project=v1.PROJECT if is_v1 else v2.PROJECT,
            folder=folder,
            network=v1.NETWORK if is_v1 else v2.NETWORK,
            bots={bot.key: bot for bot in (V1_BOTS if is_v1 else V2_BOTS)},
            engine=engine,
            config=config,
        )
        fleet.compose(*(() if is_v1 else ("--profile", "all")), "up", "--detach")
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(_wait_for_bots, fleet).result()
        yield fleet


def _wait_for_bots(fleet: Fleet) -> None:
    """Until all have answered once: how long they take to start is not what is tried here."""
    fleet.enter()
    deadline_s = time.monotonic() + DEADLINE_S
    for bot in fleet.bots.values():
        while not _is_up(bot.port):
            assert time.monotonic() < deadline_s, f"{bot.key} does not start"
            time.sleep(0.1)


def _is_up(port: int) -> bool:
    connection = http.client.HTTPConnection("localhost", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


async def _finished(test: Awaitable[None]) -> None:
    await test


def _make_images(engine: DockerEngineHandle) -> None:
    image = engine.client.images.get(build_bot_image(engine.client, partial(import_base, engine)))
    for name in (BOT_IMAGE, *STORE_IMAGES.values()):
        image.tag(name)

"""A real engine with the real compose, stand-in images, a checkout of the deployment, and fleets of others beside it.

The engine is in a network namespace of its own, so that compose may make its networks. Nothing can be pulled: one image
made of this machine's Python has the names of all, and its containers wait for their end. What is tried here is who
touches what, not what runs in the containers.
"""

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.support.base_image import base_tar
from tests.support.commands import ROOT, environment
from tests.support.compose_cli import docker_config
from tests.support.docker_engine import DockerEngineHandle, running_engine

PROJECT = "whisperengine-console"
LABEL = "whisperengine.console"
OLD_PROJECT = "whisperengine-multi"
STAND_IN = "stand-in:latest"
STAND_IN_WEB = "stand-in-web:latest"
WEB_IMAGE = "whisperengine-console-web:latest"
OLD_WEB_IMAGE = "whisperengine-web:latest"
IMAGES = (
    "postgres:16-alpine",
    "redis:7-alpine",
    "qdrant/qdrant:v1.15.4",
    "wollomatic/socket-proxy:1.12.2",
    OLD_WEB_IMAGE,
)
WAIT = "import signal, sys; signal.signal(15, lambda *_: sys.exit()); signal.pause()"
SECRETS = "POSTGRES_PASSWORD=p\nREDIS_PASSWORD=r\nWEB_UI_SECRET_KEY=s\nDOCKER_GID=0\n"
# Stand-ins are well at once, and the socket of this machine's own engine stays out of it.
OVERRIDE = """
x-well: &well {test: [CMD, "true"], interval: 1s, start_period: 0s}
services:
  whisperengine-web: {healthcheck: *well}
  console-postgres: {healthcheck: *well}
  console-redis: {healthcheck: *well}
  console-qdrant: {healthcheck: *well}
  console-docker-proxy: {healthcheck: *well, volumes: !override []}
"""
FILES = ("web-ui.sh", "docker-compose.multi-bot.yml", "Dockerfile.web", ".env.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The engine, and what one needs to speak with it."""

    engine: DockerEngineHandle
    config: Path

    @property
    def client(self) -> docker.DockerClient:
        """The engine's SDK client."""
        return self.engine.client

    def run(
        self, *command: str | Path, cwd: Path, answer: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """A command with this engine as docker's."""
        env = environment(DOCKER_HOST=self.engine.host, DOCKER_CONFIG=self.config, **variables)
        return subprocess.run(command, cwd=cwd, env=env, input=answer, capture_output=True, text=True, timeout=300)

    def compose(self, folder: Path, *arguments: str) -> None:
        """``docker compose`` as somebody else calls it."""
        done = self.run("docker", "compose", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr

    def facts(self, project: str) -> dict[str, Any]:
        """All that the engine knows of a project, and what is in its volumes: to be compared, not read."""
        filters: Any = {"label": f"com.docker.compose.project={project}"}
        volumes = self.client.volumes.list(filters=filters)
        return {
            "containers": {
                entry.name: self.client.api.inspect_container(str(entry.id))
                for entry in self.client.containers.list(all=True, filters=filters)
            },
            "networks": {
                entry.name: self.client.api.inspect_network(str(entry.id))
                for entry in self.client.networks.list(filters=filters)
            },
            "volumes": {entry.name: (entry.attrs, self.content(entry.name)) for entry in volumes},
        }

    def names(self, project: str) -> set[str]:
        """What there is of a project, as ``container NAME`` and so on."""
        return {f"{kind[:-1]} {name}" for kind, entries in self.facts(project).items() for name in entries}

    def content(self, volume: str) -> dict[str, tuple[int, int, int, bytes]]:
        """Each file of a volume: mode, owner, group, content."""
        return {
            entry.name: (entry.mode, entry.uid, entry.gid, data.read() if (data := tar.extractfile(entry)) else b"")
            for tar in (self._archive(volume),)
            for entry in tar
        }

    def _archive(self, volume: str) -> tarfile.TarFile:
        holder = self._holder(volume)
        try:
            stream, _ = holder.get_archive("/volume")
            return tarfile.open(fileobj=io.BytesIO(b"".join(stream)))
        finally:
            holder.remove(force=True)

    def write(self, volume: str, name: str, data: bytes, *, owner: int = 70) -> None:
        """Put a file into a volume."""
        holder = self._holder(volume)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            info = tarfile.TarInfo(name)
            info.size, info.uid, info.gid, info.mode, info.mtime = len(data), owner, owner, 0o600, 1_700_000_000
            tar.addfile(info, io.BytesIO(data))
        try:
            assert holder.put_archive("/volume", packed.getvalue())
        finally:
            holder.remove(force=True)

    def _holder(self, volume: str) -> Any:
        mounts: Mapping[str, Any] = {volume: {"bind": "/volume", "mode": "rw"}}
        return self.client.containers.create(STAND_IN, volumes=dict(mounts), network_mode="none")

    def clear(self) -> None:
        """Remove everything that a test left."""
        for container in self.client.containers.list(all=True):
            container.remove(force=True, v=True)
        for volume in self.client.volumes.list():
            volume.remove(force=True)
        self.client.networks.prune()
        self.tag()

    def tag(self) -> None:
        """Give the stand-in the names of all images; the console's is made with the label of Dockerfile.web."""
        image = self.client.images.get(STAND_IN)
        for name in IMAGES:
            image.tag(name)
        self.client.images.get(STAND_IN_WEB).tag(WEB_IMAGE)


@pytest.fixture(scope="session")
def compose_engine() -> Iterator[Stage]:
    """The engine and its images, once for all tests of a process."""
    config = docker_config()
    with running_engine(has_own_network=True) as engine:
        changes = [f"ENTRYPOINT {json.dumps(['python', '-c', WAIT])}"]
        with base_tar().open("rb") as tar:
            engine.client.api.import_image_from_data(tar, repository="stand-in", tag="latest", changes=changes)
        labelled = io.BytesIO(f"FROM {STAND_IN}\nLABEL {LABEL}=true".encode())
        engine.client.images.build(fileobj=labelled, tag=STAND_IN_WEB, rm=True)
        yield Stage(engine=engine, config=config)


@pytest.fixture
def stage(compose_engine: Stage) -> Iterator[Stage]:
    """The engine with nothing on it but images."""
    compose_engine.clear()
    yield compose_engine
    compose_engine.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout of the deployment's files with an ``.env``, on which ``web-ui.sh`` is tried."""

    stage: Stage
    folder: Path

    def __call__(self, *arguments: str, answer: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``web-ui.sh`` to its end."""
        return self.stage.run(self.folder / "web-ui.sh", *arguments, cwd=self.folder, answer=answer, **variables)

    def succeed(self, *arguments: str, answer: str = "", **variables: str) -> str:
        """Run it; it must end well. What it said."""
        done = self(*arguments, answer=answer, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def fail(self, *arguments: str, answer: str = "", **variables: str) -> str:
        """Run it; it must refuse. What it said."""
        done = self(*arguments, answer=answer, **variables)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def env(self, text: str) -> None:
        """Add lines to ``.env``."""
        with (self.folder / ".env").open("a") as file:
            file.write(text)


def make_checkout(stage: Stage, folder: Path) -> Checkout:
    """Copy the files, and let compose know that stand-ins are well at once."""
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    (folder / "characters").mkdir()
    (folder / "tests.yml").write_text(OVERRIDE)
    checkout = Checkout(stage=stage, folder=folder)
    checkout.env(f"{SECRETS}WEB_UI_COMPOSE_FILES=tests.yml\n")
    return checkout


@pytest.fixture
def checkout(stage: Stage, tmp_path: Path) -> Checkout:
    """A checkout of its own."""
    return make_checkout(stage, tmp_path / "console")


def make_project(stage: Stage, folder: Path, content: Mapping[str, Any], *, project: str) -> None:
    """Somebody's compose project, running."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docker-compose.multi-bot.yml").write_text(yaml.safe_dump(dict(content)))
    stage.compose(folder, "--project-name", project, "-f", "docker-compose.multi-bot.yml", "up", "--detach")


def fleet_of_v1() -> dict[str, Any]:
    """What a first-generation fleet has: the project, service, container and volume names that ours had, too."""
    service = {"image": STAND_IN, "networks": ["bot_network"]}
    return {
        "services": {
            "postgres": service | {"container_name": "whisperengine-postgres", "volumes": ["postgres_data:/data"]},
            "qdrant": service | {"container_name": "whisperengine-qdrant", "volumes": ["qdrant_data:/data"]},
            "grafana": service | {"container_name": "whisperengine-grafana", "volumes": ["grafana_data:/data"]},
            "elena-bot": service | {"container_name": "elena-bot"},
            "elena": service | {"container_name": "whisperengine-elena-bot"},
        },
        "networks": {"bot_network": None},
        "volumes": {
            f"{name}_data": {"name": f"{OLD_PROJECT}_{name}_data"} for name in ("postgres", "qdrant", "grafana")
        },
    }


def old_installation() -> dict[str, Any]:
    """Our own file under the earlier names, reduced to what they are known by; gabriel is a bot of the user's."""
    ours: dict[str, Any] = {"read_only": True, "restart": "unless-stopped"}
    bots = {
        name: ours
        | {
            "image": image,
            "container_name": f"whisperengine-{name}-bot",
            "labels": {"whisperengine.bot": name},
            "networks": ["bot_network"],
        }
        for name, image in (("elena", OLD_WEB_IMAGE), ("gabriel", STAND_IN))
    }
    inside: dict[str, Any] = ours | {"image": STAND_IN, "networks": ["data_network"]}
    return {
        "services": bots
        | {
            "whisperengine-web": inside
            | {
                "image": OLD_WEB_IMAGE,
                "container_name": "whisperengine-web-interface",
                "volumes": ["web_state:/state"],
            },
            "postgres": inside | {"container_name": "whisperengine-postgres", "volumes": ["postgres_data:/data"]},
            "qdrant": inside | {"container_name": "whisperengine-qdrant", "volumes": ["qdrant_data:/data"]},
            "redis": inside | {"container_name": "whisperengine-redis"},
            "docker-proxy": inside | {"container_name": "whisperengine-docker-proxy"},
        },
        "networks": {"bot_network": {"name": "bot_network"}, "data_network": {"internal": True}},
        "volumes": {"web_state": None, "postgres_data": None, "qdrant_data": None},
    }

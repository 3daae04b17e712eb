"""Fleets of the field for the demo: who is in each, under which names and ports. Source: bot contract.

``./web-ui.sh demo --fleet v2`` writes the folder that its operator would have, and runs a process for every container.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from chat_api.engine.schemas import PART_PREFIX, ContainerKind
from console.demo_bot import DemoBot, DemoPart, DemoProcess, Shown
from console.demo_folder import TEMPLATE_PORT, characters_of, env_file


class FleetName(StrEnum):
    """The generations of fleets."""

    V1 = "v1"
    V2 = "v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A container that is no bot's; ``lines`` are what it says, one alone of a job that ends."""

    container: str
    service: str
    image: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFleet:
    """A fleet: its bots' ports by key, and everything else."""

    name: FleetName
    project: str
    ports: Mapping[str, int]
    parts: tuple[Part, ...]

    def write(self, folder: Path) -> None:
        """Make its operator's folder: an ``.env`` file for every bot, and the characters of its generation."""
        folder.mkdir(exist_ok=True)
        for old in folder.glob(".env.*"):
            old.unlink()
        for key, port in self.ports.items():
            (folder / f".env.{key}").write_text(env_file(self.name, key, port), encoding="utf-8")
        characters_of(self.name, tuple(self.ports), folder / "characters")

    def processes(self, folder: Path, logs: Path) -> Iterator[DemoProcess]:
        """One for each container."""
        for key, port in self.ports.items():
            options = ["--contract", self.name.value, "--characters", str(folder / "characters")]
            yield DemoBot(key, port, options=options, log=logs / f"bot-{key}.log", shown=self._bot(key, port))
        for part in self.parts:
            shown = Shown(
                bot_name=f"{PART_PREFIX}{part.container}",
                container=part.container,
                image=part.image,
                kind=ContainerKind.CONTAINER,
                project=self.project,
                service=part.service,
            )
            yield DemoPart(shown, part.lines, log=logs / f"{part.container}.log")

    def _bot(self, key: str, port: int) -> Shown:
        is_v1 = self.name is FleetName.V1
        return Shown(
            bot_name=key,
            container=f"{key}-bot" if is_v1 else f"whisperengine-v2-{key}",
            image="whisperengine:latest",
            kind=ContainerKind.CONTAINER,
            project=self.project,
            service=f"{key}-bot" if is_v1 else key,
            alias=key,
            port=port,
        )


def demo_fleet(name: FleetName, *, base_port: int | None = None) -> DemoFleet:
    """The fleet of a generation, at the ports of the field or at those from ``base_port`` on."""
    ports = _V1_PORTS if name is FleetName.V1 else _V2_PORTS
    if base_port is not None:
        ports = dict(zip(ports, range(base_port, base_port + len(ports)), strict=True))
    if name is FleetName.V1:
        return DemoFleet(name=name, project="whisperengine-multi", ports=ports, parts=_V1_PARTS)
    return DemoFleet(name=name, project="whisperengine-v2", ports=ports, parts=_V2_PARTS)


_V1_PORTS = {
    "elena": TEMPLATE_PORT,
    "marcus": 9092,
    "ryan": 9093,
    "dream": 9094,
    "gabriel": 9095,
    "sophia": 9096,
    "jake": 9097,
    "aetheris": 9099,
    "aethys": 3007,
}
_V2_BOTS = (
    *("elena", "ryan", "dotty", "aria", "dream", "jake", "sophia", "marcus", "nottaylor", "gabriel", "aethys"),
    "aetheris",
)
_V2_PORTS = {key: 8000 + number for number, key in enumerate(_V2_BOTS)}
_POSTGRES = ("LOG:  database system is ready to accept connections", "LOG:  checkpoint complete: wrote 41 buffers")
_QDRANT = ("INFO qdrant::actix: Qdrant HTTP listening on 6333", 'INFO actix_web: "POST /points/search" 200 0.004')
_INFLUXDB = ("lvl=info msg=Listening transport=http addr=:8086", "lvl=info msg=index opened with 8 partitions")
_GRAFANA = ("logger=http.server level=info msg=HTTP Server Listen address=[::]:3000", "logger=cleanup msg=Completed")
_STORES = {
    "postgres": ("postgres:16.4-alpine", _POSTGRES),
    "qdrant": ("qdrant/qdrant:v1.15.4", _QDRANT),
    "influxdb": ("influxdb:2.7-alpine", _INFLUXDB),
    "grafana": ("grafana/grafana:11.3.0", _GRAFANA),
}
_V2_STORES = _STORES | {
    "neo4j": ("neo4j:5.26-community", ("INFO  Started.", "INFO  Checkpoint triggered by scheduler")),
    "redis": ("redis:7-alpine", ("* Ready to accept connections tcp", "* Background saving terminated with success")),
}
_V1_PARTS = (
    *(Part(container=name, service=name, image=image, lines=lines) for name, (image, lines) in _STORES.items()),
    Part(
        container="enrichment-worker",
        service="enrichment-worker",
        image="whisperengine:latest",
        lines=("INFO Enrichment worker started, every 660 s", "INFO Cycle done: 4 facts, 1 summary, 0 errors"),
    ),
    Part(
        container="whisperengine-db-migrate",
        service="whisperengine-db-migrate",
        image="whisperengine:latest",
        lines=("INFO Migrations: the database is up to date",),
    ),
)
_V2_PARTS = (
    *(
        Part(container=f"whisperengine-v2-{name}", service=name, image=image, lines=lines)
        for name, (image, lines) in _V2_STORES.items()
    ),
    *(
        Part(
            container=f"whisperengine-v2-worker-{queue}-1",
            service=f"worker-{queue}",
            image="whisperengine:latest",
            lines=(f"Starting worker for arq:{queue}", f"0.84s <- arq:{queue}:run_task ● done"),
        )
        for queue in ("cognition", "action", "sensory", "social")
    ),
    Part(
        container="whisperengine-v2-api",
        service="api",
        image="whisperengine:latest",
        lines=("INFO Uvicorn running on http://0.0.0.0:8000", 'INFO "GET /health HTTP/1.1" 200'),
    ),
)

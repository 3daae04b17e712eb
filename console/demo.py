"""``demo``: the whole product on one machine, with five sample bots, from nothing."""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chat_api.core.settings import Settings
from chat_api.embedded.servers import embedded_servers
from console.demo_bot import HOST, DemoBot
from console.demo_engine import CONTAINERS, DemoEngine
from console.demo_fleets import DemoFleet, FleetName, demo_fleet
from console.server import browser_url, import_console, listen, serve
from console.terminal import say

BOT_NAMES = ("elena", "marcus", "ryan", "dream", "gabriel")
STREAMING_BOTS = frozenset({"elena", "dream"})  # the others answer whole, as most bots in the field do
DEFAULT_BASE_PORT = 9091
DEFAULT_CHECK_INTERVAL_S = 2.0  # a fleet on the same machine can be watched closely
ADMIN = "admin"
BOTS_FILE = "demo-bots.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Who may sign in to the console, and where the password is kept when we made it."""

    username: str
    password: str
    kept_in: Path | None


async def run_demo(settings: Settings, fleet: FleetName | None = None) -> None:
    """Start everything, serve until SIGINT or SIGTERM, end everything; the data stay in the state directory.

    ``fleet``: as a fleet of this generation, with its names and ports, instead of the five bots.
    Raises: PortBusy or StateDirInUse before anything is started.
    """
    listener = listen(settings.web_ui_host, settings.web_ui_port)
    said_port = os.environ.get("SAMPLE_BOT_BASE_PORT")
    base_port = int(said_port) if said_port else None
    field = demo_fleet(fleet, base_port=base_port) if fleet else None
    ports = field.ports if field else _sample_ports(base_port or DEFAULT_BASE_PORT)
    for port in ports.values():
        listen(HOST, port).close()
    building = asyncio.create_task(asyncio.to_thread(import_console))
    state_dir = settings.web_ui_state_dir.resolve()
    with contextlib.closing(listener), contextlib.ExitStack() as stack:
        async with embedded_servers(state_dir) as endpoints:
            assert endpoints.database_url
            assert endpoints.redis_url
            admin = _admin(settings, state_dir)
            servers = {"database_url": endpoints.database_url, "redis_url": endpoints.redis_url}
            if field is None:
                described: dict[str, Any] = {"bots_config": stack.enter_context(_described_bots(ports, state_dir))}
                engine = _sample_bots(ports, state_dir / "logs")
            else:
                described = await asyncio.to_thread(_described_fleet, field, state_dir / "fleet")
                engine = DemoEngine(field.processes(state_dir / "fleet", state_dir / "logs"), title=CONTAINERS)
            own = _demo_settings(settings, servers | described, admin=admin)
            await building  # before the bots, which would take its processors
            async with engine:
                await _serve(own, listener, admin=admin, ports=ports, engine=engine)
    say("Stopped. Your data is kept.")


async def _serve(
    settings: Settings, listener: socket.socket, *, admin: Admin, ports: Mapping[str, int], engine: DemoEngine
) -> None:
    from chat_api.core.logging import configure_logging
    from console.main import build

    configure_logging(level=settings.log_level, log_format=settings.log_format)
    url = browser_url(listener)
    app = build(settings, engine=None if settings.docker_host else engine)
    await serve(app, listener, on_ready=lambda: say(*_banner(url, settings, admin=admin, ports=ports)))


def _sample_ports(base_port: int) -> dict[str, int]:
    return dict(zip(BOT_NAMES, range(base_port, base_port + len(BOT_NAMES)), strict=True))


def _described_fleet(fleet: DemoFleet, folder: Path) -> dict[str, Any]:
    """Write the folder of a fleet. What is to be set to stand beside it: nothing that describes a bot."""
    fleet.write(folder)
    return {"bots_config": None, "bots_env_dir": folder, "characters_dir": folder / "characters"}


def _sample_bots(ports: Mapping[str, int], logs: Path) -> DemoEngine:
    """Real bot processes, one a port."""
    return DemoEngine(
        DemoBot(name, port, options=["--stream"] if name in STREAMING_BOTS else [], log=logs / f"bot-{name}.log")
        for name, port in ports.items()
    )


def running_demo(state_dir: Path) -> Path | None:
    """The ``BOTS_CONFIG`` of the demo that runs on a state directory, if one does."""
    path = state_dir / BOTS_FILE
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return path
    except OSError:
        return None  # there never was one
    return None


@contextlib.contextmanager
def _described_bots(ports: Mapping[str, int], state_dir: Path) -> Iterator[Path]:
    """Write the fleet for the registry. It is locked while the demo runs, however that ends."""
    path = state_dir / BOTS_FILE
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump([{"name": name, "url": f"http://{HOST}:{port}"} for name, port in ports.items()], file)
        file.flush()
        yield path


def _demo_settings(settings: Settings, ours: Mapping[str, Any], *, admin: Admin) -> Settings:
    """The operator's settings, and over them what makes a demo."""
    said = settings.model_fields_set
    values = {name: getattr(settings, name) for name in said}
    if "bot_health_check_interval" not in said:
        values["bot_health_check_interval"] = DEFAULT_CHECK_INTERVAL_S
    if "log_level" not in said:
        values["log_level"] = "WARNING"
    if "log_format" not in said:
        values["log_format"] = "console"
    values |= {**ours, "web_ui_admin_username": admin.username, "web_ui_admin_password": admin.password}
    return Settings(**values)


def _admin(settings: Settings, state_dir: Path) -> Admin:
    """The configured administrator, else one whose password is made once and kept for the next start."""
    if settings.web_ui_admin_username and settings.web_ui_admin_password:
        password = settings.web_ui_admin_password.get_secret_value()
        return Admin(username=settings.web_ui_admin_username, password=password, kept_in=None)
    path = state_dir / "demo-admin-password"
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(15) + "\n")
        draft.rename(path)
    return Admin(username=ADMIN, password=path.read_text().strip(), kept_in=path)


def _banner(url: str, settings: Settings, *, admin: Admin, ports: Mapping[str, int]) -> Sequence[str]:
    kept = f"   (stored in {admin.kept_in})" if admin.kept_in else ""
    secret = admin.password if admin.kept_in else "as set in WEB_UI_ADMIN_PASSWORD"
    return (
        "",
        "WhisperEngine is running.",
        "",
        f"  Chat      {url}/          sign in with any name",
        f"  Console   {url}/admin     user {admin.username}, password {secret}{kept}",
        f"  API       {url}/openapi.json",
        "",
        f"  Bots      {', '.join(f'{name} {port}' for name, port in ports.items())}",
        f"  Data      {settings.web_ui_state_dir.resolve()}",
        "",
        "Press Ctrl+C to stop.",
        "",
    )

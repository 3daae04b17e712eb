"""The real API on a real port, in the test's own event loop, over real PostgreSQL, Valkey and bots."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from argon2 import PasswordHasher
from fastapi import FastAPI

from chat_api.app import create_app
from chat_api.core import security
from chat_api.core.errors import Conflict
from chat_api.core.principals import Device, Principal
from chat_api.core.settings import Settings
from chat_api.service_registry import Services
from console.connections import Timeouts
from console.server import GuardedServer
from models import Role
from tests.support.eventually import DEADLINE_S
from tests.support.sample_bots import RunningBot

# One for all clients, with nothing in it: each of its own would load the system's certificates, 30 ms, for nothing.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ADMIN_PASSWORD = "correct horse battery"
PRODUCT_HASHER = security._hasher

MakeSettings = Callable[..., Settings]


@dataclass(frozen=True, kw_only=True)
class RunningApi:
    """One running application. ``url`` has no trailing slash."""

    url: str
    app: FastAPI
    settings: Settings

    @property
    def services(self) -> Services:
        """Its services, for looking behind the doors."""
        services: Services = self.app.state.services
        return services

    @property
    def ws_url(self) -> str:
        """Where its WebSockets are."""
        return self.url.replace("http", "ws", 1) + "/ws/"

    def client(self, token: str | None = None, **options: Any) -> httpx.AsyncClient:
        """A client with its own cookies; ``token`` goes along as a bearer token."""
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        return httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=DEADLINE_S, trust_env=False, verify=NO_TLS, **options
        )

    async def login(self, username: str = "alice", **body: Any) -> str:
        """A new user's token."""
        async with self.client() as client:
            answer = await client.post("/api/login", json={"username": username} | body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["session_token"])

    async def principal(self, username: str = "alice") -> Principal:
        """A new user, for calling services directly."""
        return await self.services.auth.authenticate(await self.login(username))

    async def admin_login(self, role: Role = Role.ADMIN) -> str:
        """The token of an administrator of this role, made when there is none."""
        name = f"test-{role}"
        with contextlib.suppress(Conflict):
            await self.services.admin_setup.create_admin(name, ADMIN_PASSWORD, role=role)
        here = Device(address="127.0.0.1")  # where it has been before: as a stranger it could sign in only so often
        return (await self.services.auth.admin_login(name, ADMIN_PASSWORD, device=here)).token


@asynccontextmanager
async def running(app: FastAPI, *, port: int = 0, timeouts: Timeouts | None = None) -> AsyncIterator[str]:
    """Serve an application on a port, by default a free one, while the block runs; gives its address.

    By the server that production uses, without its signals.
    """
    listener = socket.create_server(("127.0.0.1", port))
    # asyncio does this only where it made the listener itself; without it each answer waits 40 ms for the client's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = GuardedServer(app, timeouts=timeouts)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if serving.done():
            serving.result()
            raise RuntimeError("the application did not start; its log says why")
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def running_api(
    settings: Settings, *, port: int = 0, timeouts: Timeouts | None = None
) -> AsyncIterator[RunningApi]:
    """Serve the API with these settings while the block runs, on a port that was its own before or a free one."""
    app = create_app(settings)
    async with running(app, port=port, timeouts=timeouts) as url:
        yield RunningApi(url=url, app=app, settings=settings)


def bots_config(folder: Path, *bots: RunningBot) -> Path:
    """A ``BOTS_CONFIG`` file that lists running bots."""
    path = folder / "bots.yaml"
    path.write_text(yaml.safe_dump([{"name": bot.name, "url": bot.url} for bot in bots]))
    return path


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Real Argon2id at its least cost: what a guess costs an attacker is what one test is about, not every sign-in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(security, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
def make_settings(database_url: str, redis_url: str, tmp_path: Path) -> MakeSettings:
    """Settings over this test's own database and Redis; keyword arguments override."""

    def make(*, bots: tuple[RunningBot, ...] = (), **overrides: Any) -> Settings:
        defaults: dict[str, Any] = {
            "database_url": database_url,
            "redis_url": redis_url,
            "web_ui_state_dir": tmp_path / "state",
            "bots_config": bots_config(tmp_path, *bots),
            "bots_env_dir": tmp_path,
            "bots_host_mode": "localhost",
            "rate_limit_requests_per_minute": 100_000,
            "bot_health_check_interval": 0.5,
            "bot_canary_interval": 0,
            "database_pool_size": 5,
        }
        return Settings(**(defaults | overrides))

    return make


@pytest.fixture
async def api(make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot) -> AsyncIterator[RunningApi]:
    """The API with two real bots, elena and marcus."""
    async with running_api(make_settings(bots=(elena, marcus))) as running_one:
        yield running_one

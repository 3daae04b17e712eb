"""One running API for all tests that only knock at its doors; those that change how it is run start their own."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx
import pytest

from chat_api.core.settings import Settings
from models import Role
from tests.support.api import RunningApi, bots_config, running_api
from tests.support.sample_bots import RunningBot
from tests.support.servers import shared_redis_url, with_database

PROXY = "10.0.0.1"
FRIEND = "https://app.example.com"
KEY_PAGE = "http://localhost:5173"

Knock = Callable[..., httpx.AsyncClient]


@pytest.fixture(scope="session")
async def door(
    postgres_server: str,
    migrated_template: str,
    valkey_server: str,
    elena_process: RunningBot,
    marcus_process: RunningBot,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RunningApi]:
    """The API behind a trusted proxy, with a friendly origin. Tests leave it as they find it."""
    folder = tmp_path_factory.mktemp("door")
    control = await asyncpg.connect(with_database(postgres_server, "postgres"))
    await control.execute(f"CREATE DATABASE door TEMPLATE {migrated_template}")
    await control.close()
    settings = Settings(
        database_url=with_database(postgres_server, "door"),
        redis_url=shared_redis_url(valkey_server),
        web_ui_state_dir=folder / "state",
        bots_config=bots_config(folder, elena_process, marcus_process),
        bots_env_dir=folder,
        bots_host_mode="localhost",
        rate_limit_requests_per_minute=100_000,
        bot_health_check_interval=0.5,
        bot_canary_interval=0,
        database_pool_size=5,
        trusted_proxies=(PROXY,),
        allowed_origins=(FRIEND,),
        api_allowed_origins=(KEY_PAGE,),
    )
    async with running_api(settings) as running:
        yield running


@pytest.fixture(scope="session")
async def tokens(door: RunningApi) -> dict[str, str]:
    """A token of each kind: ``user``, ``viewer``, ``operator`` and ``admin``; and a ``key`` of an account."""
    user = await door.login("resident")
    async with door.client(user) as client:
        made = await client.post("/api/keys", json={"name": "Resident's", "scopes": ["chat", "history"]})
    roles = {str(role): await door.admin_login(role) for role in Role}
    return {"user": user, "key": str(made.json()["secret"])} | roles


@pytest.fixture
def knock(door: RunningApi) -> Knock:
    """A client that calls from an address of the test's choice, past the network."""

    def make(peer: str = "198.51.100.7", *, scheme: str = "http", **options: object) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=door.app, client=(peer, 40_000))
        return httpx.AsyncClient(transport=transport, base_url=f"{scheme}://chat.example.org", **options)  # type: ignore[arg-type]

    return make


def assert_error(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, object]:
    """An error in the one shape that errors have; gives what is in it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"error"}
    error: dict[str, object] = answer.json()["error"]
    assert {"code", "message", "request_id"} <= error.keys()
    assert error["request_id"] == answer.headers["x-request-id"]
    assert code is None or error["code"] == code
    assert "Traceback" not in answer.text
    return error

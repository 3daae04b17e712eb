"""Real bots, in containers and without: every start is recorded, what changed is told, and no secret is kept."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from models import Role
from tests.support.api import MakeSettings, running_api
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.sample_bots import RunningBot
from tests.support.shared_api import assert_error

SECRETS = ("hunter2-is-planted", "sk-or-v1-0123456789abcdef0123456789abcdef")


@pytest.mark.docker
async def test_a_container_made_anew_tells_what_changed(
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    make_settings: MakeSettings,
    tmp_path: Path,
) -> None:
    """Restarts are counted; another token, log level and character are told, also in the incident that follows."""
    port = free_port()
    command = ["python", "-m", "sample_bot", "--name", "elena", "--contract", "v2", "--port", str(port)]

    def run(environment: dict[str, str]) -> BotContainer:
        return bot_container(
            "elena",
            labels={"whisperengine.bot": "elena"},
            environment={"API_PORT": str(port), "LLM_MODEL_NAME": SECRETS[1], **environment},
            command=command,
        )

    (tmp_path / "characters" / "elena").mkdir(parents=True)
    core = tmp_path / "characters" / "elena" / "core.yaml"
    core.write_text("purpose: to dive")
    settings = make_settings(docker_host=docker_engine.host, characters_dir=core.parent.parent)
    first = run({"DISCORD_TOKEN": SECRETS[0], "LOG_LEVEL": "INFO"})
    async with running_api(settings) as api, api.client(await api.admin_login(Role.VIEWER)) as console:

        async def has_started(*times: int) -> bool:
            answer = await console.get("/api/admin/changes", params={"bot": "elena"})
            return [one["starts"] for one in answer.json()["configurations"]] == list(times)

        await eventually(lambda: _is_told(console))
        assert await has_started(1)
        await asyncio.to_thread(first.container.restart, timeout=0)
        await eventually(lambda: has_started(2))
        await asyncio.to_thread(first.container.remove, force=True)
        core.write_text("purpose: to teach")
        second = run({"DISCORD_TOKEN": SECRETS[0] + "!", "LOG_LEVEL": "DEBUG"})
        await eventually(lambda: has_started(1, 2))

        newest = (await console.get("/api/admin/changes", params={"bot": "elena"})).json()["configurations"][0]
        assert [(one["kind"], one["name"], one["before"], one["after"]) for one in newest["changes"]] == [
            ("environment", "DISCORD_TOKEN", None, None),
            ("environment", "LOG_LEVEL", "INFO", "DEBUG"),
            ("character", "elena/core.yaml", None, None),
        ]
        csv = await console.get("/api/admin/changes", params={"bot": "elena", "format": "csv"})
        assert "environment,LOG_LEVEL,changed,INFO,DEBUG" in csv.text
        await asyncio.to_thread(second.container.kill)
        incident = await _incident_of(console)
        assert [one["bot_name"] for one in incident["changes"]] == ["elena"]
        assert incident["changes"][0]["starts"] == 3
        export = await console.get(f"/api/admin/incidents/{incident['incident_id']}/export")
        assert "## What changed" in export.text
        assert "LOG\\_LEVEL: INFO → DEBUG" in export.text
        assert SECRETS[0] not in csv.text + export.text
    assert settings.database_url is not None
    await _assert_not_stored(settings.database_url.get_secret_value(), SECRETS)


async def test_a_bot_without_an_engine_is_known_by_what_it_tells(
    make_settings: MakeSettings, marcus: RunningBot
) -> None:
    """Its models and flags are there after its first answer; the matrix has it; nobody else may look."""
    async with (
        running_api(make_settings(bots=(marcus,))) as api,
        api.client(await api.admin_login(Role.VIEWER)) as console,
    ):
        await eventually(lambda: _is_told(console))
        since = (await console.get("/api/admin/bots/marcus/changes")).json()
        assert (since["starts"], since["changes"]) == (1, [])
        matrix = (await console.get("/api/admin/matrix")).json()
        assert [row["bot_name"] for row in matrix["bots"]] == ["marcus"]
        csv = await console.get("/api/admin/matrix", params={"format": "csv"})
        assert csv.text.splitlines()[0].lstrip("\ufeff").startswith("bot_name,generation,odd")
        assert_error(await console.get("/api/admin/bots/nobody/changes"), 404)
        for wrong in ({"kind": "weather"}, {"since": "9999-12-31T23:59:59-12:00"}, {"before": "x"}):
            assert_error(await console.get("/api/admin/changes", params=wrong), 422, "invalid_input")
    async with running_api(make_settings(bots=(marcus,))) as api, api.client(await api.login("alice")) as person:
        for path in ("/api/admin/changes", "/api/admin/matrix", "/api/admin/bots/marcus/changes"):
            assert_error(await person.get(path), 401)


async def test_what_another_bot_says_at_its_address_is_not_its_own(
    make_settings: MakeSettings, marcus: RunningBot, tmp_path: Path
) -> None:
    """elena is described at marcus' address: his models are recorded as his, and never as hers."""
    config = tmp_path / "swapped.yaml"
    config.write_text(f"[{{name: elena, url: '{marcus.url}'}}, {{name: marcus, url: '{marcus.url}'}}]")
    async with (
        running_api(make_settings(bots_config=config)) as api,
        api.client(await api.admin_login(Role.VIEWER)) as console,
    ):

        async def starts(name: str) -> int:
            return int((await console.get(f"/api/admin/bots/{name}/changes")).json()["starts"])

        await eventually(lambda: api.services.fleet.identities.fault("elena"))
        await eventually(lambda: starts("marcus"))
        assert await starts("elena") == 0


async def _is_told(console: httpx.AsyncClient) -> bool:
    matrix = (await console.get("/api/admin/matrix")).json()
    return any(column["kind"] == "model" for column in matrix["columns"])


async def _incident_of(console: httpx.AsyncClient) -> dict[str, Any]:
    async def opened() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await console.get("/api/admin/incidents")).json()["incidents"]
        return found

    incident = (await eventually(opened))[0]
    answer: dict[str, Any] = (await console.get(f"/api/admin/incidents/{incident['incident_id']}")).json()
    return answer


async def _assert_not_stored(database_url: str, secrets: tuple[str, ...]) -> None:
    """Look through every row of every table of ours, whatever its columns are."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        assert any("web_bot_configurations" in table["name"] for table in tables)
        for table in tables:
            for secret in secrets:
                found = await connection.fetchval(
                    f"SELECT count(*) FROM {table['name']} AS t WHERE strpos(t::text, $1) > 0", secret
                )
                assert found == 0, (table["name"], secret)
    finally:
        await connection.close()

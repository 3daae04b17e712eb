"""``./web-ui.sh demo --fleet``: a fleet of the field under its own names, with everything that belongs to it."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.commands import environment, running
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.ports import free_ports

BOTS = ("elena", "marcus", "ryan", "dream", "gabriel", "sophia", "jake", "aetheris", "aethys")
PARTS = {
    "postgres": "store",
    "qdrant": "store",
    "influxdb": "store",
    "grafana": "service",
    "enrichment-worker": "worker",
    "whisperengine-db-migrate": "job",
}


@pytest.fixture
def fleet_env() -> Iterator[dict[str, str]]:
    """A demo of the test's own: state directory and ports."""
    with tempfile.TemporaryDirectory(prefix="we-", ignore_cleanup_errors=True) as folder:
        port, first_bot, *_ = free_ports(1 + len(BOTS))
        yield environment(
            WEB_UI_HOST="127.0.0.1", WEB_UI_PORT=port, SAMPLE_BOT_BASE_PORT=first_bot, WEB_UI_STATE_DIR=folder
        )


async def test_the_first_generation_as_its_operator_sees_it(fleet_env: dict[str, str]) -> None:
    """Bots at the ports of their containers, whatever their files say; stores, a worker and a job that has ended.

    As in the field, nothing is acted on before it is adopted.
    """
    async with running("demo", fleet_env, mark="Press Ctrl+C", arguments=("--fleet", "v1")) as demo:
        async with httpx.AsyncClient(base_url=demo.url, timeout=DEADLINE_S, trust_env=False) as client:
            await sign_in(client, fleet_env)

            async def bots() -> dict[str, Any]:
                found = {bot["name"]: bot for bot in (await client.get("/api/admin/bots")).json()["bots"]}
                assert {bot["status"] for bot in found.values()} == {"online"}
                return found if len(found) == len(BOTS) else {}

            found = await eventually(bots)
            first = int(fleet_env["SAMPLE_BOT_BASE_PORT"])
            assert {name: found[name]["port"] for name in BOTS} == dict(zip(BOTS, range(first, first + 9), strict=True))
            assert found["dream"]["display_name"] == "Dream of the Endless"
            assert found["gabriel"]["container_name"] == "gabriel-bot"

            async def parts() -> bool:
                listed = (await client.get("/api/admin/parts")).json()["parts"]
                return {part["container"]: part["role"] for part in listed} == PARTS

            await eventually(parts)
            assert (await client.post("/api/admin/parts/enrichment-worker/restart")).status_code == 409
            adopted = await client.post("/api/admin/adoption", json={"project": "whisperengine-multi"})
            assert len(adopted.json()["names"]) == len(BOTS) + len(PARTS)
            again = await client.post("/api/admin/parts/enrichment-worker/restart")
            assert (again.status_code, again.json()["state"]) == (200, "running")

            async def both_starts() -> bool:
                log = await client.get("/api/admin/logs", params={"bots": "part:enrichment-worker"})
                return [log.text.count(line) for line in ("worker started", "received SIGTERM")] == [2, 1]

            await eventually(both_starts)

            async def was_watched_all_the_time() -> bool:
                answer = await client.get("/api/admin/services/part:postgres/intervals", params={"window": "1h"})
                return bool(answer.json()["intervals"][-1]["duration_s"] > 6)

            await eventually(was_watched_all_the_time)
        assert await demo.end(signal.SIGINT) == 0
    assert "Traceback" not in demo.output


async def sign_in(client: httpx.AsyncClient, env: dict[str, str]) -> None:
    """With the password that the demo keeps."""
    password = (Path(env["WEB_UI_STATE_DIR"]) / "fleet-v1" / "demo-admin-password").read_text().strip()
    answer = await client.post("/api/admin/login", json={"username": "admin", "password": password})
    client.headers["Authorization"] = f"Bearer {answer.json()['admin_token']}"

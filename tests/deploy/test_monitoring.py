"""What ``deploy/`` has for Prometheus and Grafana, tried with a real Prometheus on the real metrics.

A dashboard or a rule that names a metric which does not exist is silent for ever: nobody notices until it is needed.
"""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.ports import free_port
from tests.support.sample_bots import RunningBot
from tests.support.v2_socket import frames_until, v2_socket

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
TOKEN = "for-the-scraper-only"
# What may be true of the machine that the tests run on, whatever the fleet is.
OF_A_SLOW_MACHINE = {
    f"WhisperEngine{name}" for name in ("EventLoopBlocked", "EventLoopSlow", "SlowQueries", "DatabasePoolExhausted")
}
# What has no series while all is well; each would be seen by what stands beside it.
ONLY_IN_A_FAULT = {
    "whisperengine_web_bot_synthetic_check_up": "a bot without a synthetic check has none",
    "whisperengine_web_bot_canary_up": "the same by its old name",
    "whisperengine_web_bot_restarts_total": "no bot was restarted",
    "whisperengine_web_bot_calls_refused_total": "no call was refused",
    "whisperengine_web_bot_breaker_state": "every breaker is closed, and the panel shows those that are not",
    "whisperengine_web_bot_calls_waiting": "nothing waits, and the panel shows what does",
}


def promtool(*arguments: str) -> str:
    """What promtool says; it must be content."""
    if shutil.which("promtool") is None:
        pytest.fail("This test needs Debian's `prometheus`: apt-get install prometheus", pytrace=False)
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_rules_and_what_they_do() -> None:
    """Well-formed, and they fire, hold back and group as they say; see the cases in ``alerts_test.yml``."""
    promtool("check", "rules", str(RULES))
    promtool("test", "rules", str(DEPLOY / "prometheus" / "alerts_test.yml"))


def test_promtool_accepts_the_configuration(tmp_path: Path) -> None:
    """With a token file where the configuration says; that of the shipped one is made at the deployment."""
    shutil.copy(RULES, tmp_path)
    token = tmp_path / "metrics_token"
    token.write_text(TOKEN)
    shipped = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    assert "/etc/prometheus/metrics_token" in shipped
    (tmp_path / "prometheus.yml").write_text(shipped.replace("/etc/prometheus/metrics_token", str(token)))
    promtool("check", "config", str(tmp_path / "prometheus.yml"))


def test_promtool_finds_the_names_conventional(tmp_path: Path, metrics_text: str) -> None:
    """Units, ``_total``, help texts, no doubles. What it says of the library's own metrics is not ours."""
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=metrics_text,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("whisperengine_")]
    assert ours == []


@pytest.fixture
async def busy_api(make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot) -> AsyncIterator[RunningApi]:
    """The API with two bots, and some messages behind it."""
    async with running_api(make_settings(bots=(elena, marcus), metrics_token=TOKEN)) as api:
        yield api


@pytest.fixture
async def metrics_text(busy_api: RunningApi) -> str:
    """What a scraper reads."""
    await talk(busy_api)
    async with busy_api.client(TOKEN) as client:
        return (await client.get("/metrics")).text


async def talk(api: RunningApi) -> None:
    """Make a few of everything that is counted."""
    token = await api.login("a scraped one")
    async with api.client(token) as client, v2_socket(api, token) as socket:
        await frames_until(socket, "welcome")
        for bot_name in ("elena", "marcus"):
            answer = await client.post("/api/chat", json={"content": "Hello", "bot_name": bot_name})
            assert answer.status_code == 200, answer.text
    await api.services.system._database.fetch("SELECT pg_sleep(0.25)")


@pytest.fixture
async def prometheus(busy_api: RunningApi, tmp_path: Path) -> AsyncIterator[str]:
    """A real Prometheus with the shipped configuration, hurried, that scrapes the running application."""
    (tmp_path / "token").write_text(TOKEN)
    shutil.copy(RULES, tmp_path / "alerts.yml")
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    port = free_port()
    ours, itself = config["scrape_configs"]
    ours["authorization"]["credentials_file"] = str(tmp_path / "token")
    ours["static_configs"] = [{"targets": [busy_api.url.removeprefix("http://")]}]
    itself["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    if shutil.which("prometheus") is None:
        pytest.fail("This test needs Debian's `prometheus`: apt-get install prometheus", pytrace=False)
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus",
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def test_every_expression_finds_series(busy_api: RunningApi, prometheus: str) -> None:
    """Each of the dashboard and of the rules, asked of a Prometheus that scraped a fleet at work."""
    async with httpx.AsyncClient(base_url=prometheus, trust_env=False, timeout=DEADLINE_S) as client:
        await eventually(lambda: _is_scraped(client))
        rules = await _json(client, "/api/v1/rules")
        loaded = [rule for group in rules["groups"] for rule in group["rules"]]
        shipped = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
        assert {rule["name"] for rule in loaded} == {rule["alert"] for rule in shipped}
        assert not [rule["lastError"] for rule in loaded if rule.get("lastError")]

        expressions = [*_panel_expressions(), *(side for rule in shipped for side in _watched(rule["expr"]))]
        silent = {one for one in expressions if not _is_explained(one)}

        async def all_have_series() -> bool:
            await talk(busy_api)  # rates need two values that differ
            for one in tuple(silent):
                if await _series(client, one):
                    silent.remove(one)
            assert silent == set()
            return True

        await eventually(all_have_series, deadline_s=300)

        async def is_quiet() -> bool:
            alerts = (await _json(client, "/api/v1/alerts"))["alerts"]
            assert {alert["labels"]["alertname"] for alert in alerts} <= OF_A_SLOW_MACHINE
            return True

        await eventually(is_quiet)  # a healthy fleet alerts nobody, once it has got its breath back


def _panel_expressions() -> list[str]:
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    return [expression.replace("$__rate_interval", "1m") for expression in found]


def _watched(expression: str) -> list[str]:
    """The metrics of a rule with their labels: a rule itself finds nothing while all is well."""
    return re.findall(r"\bwhisperengine_web_\w+(?:\{[^}]*\})?|\bup\{[^}]*\}", expression)


def _is_explained(expression: str) -> bool:
    # None is an answer of the 500s.
    faults = ('status=~"5..',)
    return any(name in expression for name in (*ONLY_IN_A_FAULT, *faults))


async def _is_scraped(client: httpx.AsyncClient) -> bool:
    targets = (await _json(client, "/api/v1/targets"))["activeTargets"]
    return all(target["health"] == "up" for target in targets) and len(targets) == 2


async def _series(client: httpx.AsyncClient, expression: str) -> list[Any]:
    found: list[Any] = (await _json(client, "/api/v1/query", query=expression))["result"]
    return found


async def _json(client: httpx.AsyncClient, path: str, **parameters: str) -> Any:
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, (parameters, answer.text)
    return answer.json()["data"]

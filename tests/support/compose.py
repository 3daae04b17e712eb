"""docker-compose.multi-bot.yml as the real compose reads it, and its services as options for the SDK."""

import functools
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from docker.types import Healthcheck, Ulimit

from tests.support.compose_cli import docker_config

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.multi-bot.yml"
MONITORING_FILE = ROOT / "deploy" / "docker-compose.monitoring.yml"
FLEET_FILE = ROOT / "deploy" / "docker-compose.fleet.yml"
# Source: Compose specification, "Interpolation".
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}")
REQUIRED = {
    "POSTGRES_PASSWORD": "p" * 32,
    "REDIS_PASSWORD": "r" * 32,
    "WEB_UI_SECRET_KEY": "0123456789abcdef" * 3,
    "DOCKER_GID": "999",
    "FLEET_NETWORK": "v2_network",
    "GRAFANA_PASSWORD": "g" * 32,
}
SERVICES = tuple(yaml.safe_load(COMPOSE_FILE.read_text())["services"])
_SECONDS = {"s": 1, "m": 60}


class ComposeRefused(Exception):
    """What compose says of a file that it does not take."""


def compose(environment: Mapping[str, str], *files: Path) -> dict[str, Any]:
    """The file, and more files on top of it, as compose understands them. Raises: ComposeRefused."""
    command = ["docker", "compose", "--env-file", os.devnull, "--profile", "*", "--project-directory", str(ROOT)]
    command += [part for file in (COMPOSE_FILE, *files) for part in ("--file", str(file))]
    env = {"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(docker_config()), **environment}
    done = subprocess.run(
        [*command, "config", "--format", "json"], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise ComposeRefused(done.stderr)
    assert not done.stderr, done.stderr  # no warnings
    parsed: dict[str, Any] = json.loads(done.stdout.replace("$$", "$"))
    return parsed


@functools.cache
def services() -> dict[str, Any]:
    """Every service of all three files with all that is required."""
    found: dict[str, Any] = compose(REQUIRED, MONITORING_FILE, FLEET_FILE)["services"]
    return found


def run_options(service: Mapping[str, Any]) -> dict[str, Any]:
    """What of a service decides how its process may live, for ``containers.run``."""
    limits = service["deploy"]["resources"]["limits"]
    check = service["healthcheck"]
    return {
        "command": service.get("command"),
        "environment": {key: str(value) for key, value in service["environment"].items()},
        "user": service["user"],
        "read_only": service["read_only"],
        "tmpfs": dict(entry.split(":", 1) for entry in service["tmpfs"]),
        "cap_drop": service["cap_drop"],
        "security_opt": service["security_opt"],
        "pids_limit": limits["pids"],
        "nano_cpus": int(limits["cpus"] * 1e9),
        "mem_limit": int(limits["memory"]),
        "ulimits": [Ulimit(name=name, **limit) for name, limit in service["ulimits"].items()],
        "labels": service["labels"],
        # The check itself is the file's; a test looks more often.
        "healthcheck": Healthcheck(
            test=check["test"], timeout=_nanoseconds(check["timeout"]), interval=1_000_000_000, retries=60
        ),
    }


def _nanoseconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]] * 1_000_000_000

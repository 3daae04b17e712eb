"""The compose commands beside somebody else's containers, on a real engine with the real compose."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.compose_stage import (
    LABEL,
    OLD_PROJECT,
    PROJECT,
    STAND_IN,
    WEB_IMAGE,
    Checkout,
    Stage,
    fleet_of_v1,
    make_checkout,
    make_project,
)

pytestmark = pytest.mark.docker
CHANGING = (("start",), ("stop",), ("restart",), ("build",), ("clean",), ("clean", "--data"))
OURS = {
    "container whisperengine-web-interface",
    *(f"container {PROJECT}-{name}".replace("whisperengine-console-", "whisperengine-console-") for name in ("postgres",)),
}


def make_fleet(stage: Stage, folder: Path) -> None:
    """A running fleet with something in its volumes."""
    make_project(stage, folder, fleet_of_v1(), project=OLD_PROJECT)
    for volume in ("postgres_data", "qdrant_data", "grafana_data"):
        stage.write(f"{OLD_PROJECT}_{volume}", "kept", volume.encode())


def test_a_fleet_stays_byte_for_byte_as_it_was(stage: Stage, checkout: Checkout, tmp_path: Path) -> None:
    """Through all of it, also with the variables that would point compose at the fleet, and those in .env."""
    make_fleet(stage, tmp_path / "fleet")
    before = stage.facts(OLD_PROJECT)
    assert len(before["containers"]) == 5
    hostile = {"COMPOSE_PROJECT_NAME": OLD_PROJECT, "COMPOSE_FILE": str(tmp_path / "fleet/docker-compose.multi-bot.yml")}
    checkout.env("COMPOSE_REMOVE_ORPHANS=1\n" + "".join(f"{name}={value}\n" for name, value in hostile.items()))
    for variables in ({}, hostile | {"COMPOSE_REMOVE_ORPHANS": "1"}):
        checkout.succeed("start", **variables)
        assert stage.facts(OLD_PROJECT) == before
        ours = stage.names(PROJECT)
        assert "container whisperengine-web-interface" in ours
        assert "volume whisperengine-console_postgres_data" in ours
        assert not [name for name in ours if name.endswith("-bot")]
        for command in (("stop",), ("restart",), ("clean",)):
            checkout.succeed(*command, **variables)
            assert stage.facts(OLD_PROJECT) == before
        left = {name for name in stage.names(PROJECT)}
        assert left == {f"volume {PROJECT}_{name}" for name in ("web_state", "postgres_data", "qdrant_data")}
        assert not stage.client.images.list(name=WEB_IMAGE)
        stage.tag()
    checkout.succeed("start")
    checkout.succeed("clean", "--data", answer="yes\n")
    assert stage.facts(OLD_PROJECT) == before
    assert stage.names(PROJECT) == set()

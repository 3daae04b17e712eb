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
CHANGING = (("start",), ("stop",), ("restart",), ("clean",), ("clean", "--data"), ("health",), ("shell",))
THEIRS = {"com.docker.compose.project": PROJECT, "com.docker.compose.service": "console-postgres"}
VOLUMES = {f"volume {PROJECT}_{name}" for name in ("web_state", "postgres_data", "qdrant_data")}


def make_fleet(stage: Stage, folder: Path) -> None:
    """A running fleet of the first generation with something in its volumes."""
    make_project(stage, folder, fleet_of_v1(), project=OLD_PROJECT)
    for volume in ("postgres_data", "qdrant_data", "grafana_data"):
        stage.write(f"{OLD_PROJECT}_{volume}", "kept", volume.encode())


def test_a_fleet_stays_byte_for_byte_as_it_was(stage: Stage, checkout: Checkout, tmp_path: Path) -> None:
    """Through all commands, also with variables in ``.env`` and the environment that point compose at the fleet."""
    make_fleet(stage, tmp_path / "fleet")
    before = stage.facts(OLD_PROJECT)
    assert len(before["containers"]) == 5
    hostile = {
        "COMPOSE_PROJECT_NAME": OLD_PROJECT,
        "COMPOSE_FILE": str(tmp_path / "fleet" / "docker-compose.multi-bot.yml"),
        "COMPOSE_REMOVE_ORPHANS": "1",
    }
    checkout.env("".join(f"{name}={value}\n" for name, value in hostile.items()))
    checkout.succeed("start")
    assert stage.facts(OLD_PROJECT) == before
    ours = stage.names(PROJECT)
    assert {"container whisperengine-web-interface", *VOLUMES} < ours
    assert not [name for name in ours if name.endswith("-bot")], "sample bots are for those who ask for them"
    checkout.succeed("stop")
    checkout.succeed("clean")
    assert stage.facts(OLD_PROJECT) == before
    assert stage.names(PROJECT) == VOLUMES
    assert not stage.client.images.list(name=WEB_IMAGE)

    stage.tag()
    checkout.succeed("start", **hostile)
    assert "nothing was deleted" in checkout.fail("clean", "--data", answer="no\n", **hostile)
    checkout.succeed("clean", "--data", answer="yes\n", **hostile)
    assert stage.facts(OLD_PROJECT) == before
    assert stage.names(PROJECT) == set()


def test_the_file_itself_touches_no_fleet(stage: Stage, checkout: Checkout, tmp_path: Path) -> None:
    """Compose called by hand, in the fleet's own project, with ``down --volumes``: no name of ours is one of its."""
    make_fleet(stage, tmp_path / "fleet")
    before = stage.facts(OLD_PROJECT)
    files = ("-f", "docker-compose.multi-bot.yml", "--project-name", OLD_PROJECT)
    stage.compose(checkout.folder, *files, "up", "--no-start", "console-postgres", "console-qdrant")
    stage.compose(checkout.folder, *files, "--profile", "*", "down", "--volumes")
    assert stage.facts(OLD_PROJECT) == before


FOREIGN: dict[str, Callable[[Stage], object]] = {
    "container whisperengine-web-interface": lambda stage: stage.client.containers.create(
        STAND_IN, name="whisperengine-web-interface", labels={"com.docker.compose.project": OLD_PROJECT}
    ),
    "container whisperengine-console-postgres": lambda stage: stage.client.containers.create(
        STAND_IN, name="whisperengine-console-postgres"
    ),
    "container whisperengine-sample-elena-bot": lambda stage: stage.client.containers.create(
        STAND_IN, name="whisperengine-sample-elena-bot", labels={LABEL: "true"}
    ),
    "container somebody": lambda stage: stage.client.containers.create(STAND_IN, name="somebody", labels=THEIRS),
    f"volume {PROJECT}_postgres_data": lambda stage: stage.client.volumes.create(f"{PROJECT}_postgres_data"),
    f"volume {PROJECT}_data": lambda stage: stage.client.volumes.create(f"{PROJECT}_data", labels=THEIRS),
    f"network {PROJECT}_bot_network": lambda stage: stage.client.networks.create(
        f"{PROJECT}_bot_network", labels=THEIRS
    ),
    f"image {WEB_IMAGE}": lambda stage: stage.client.images.get(STAND_IN).tag(WEB_IMAGE),
}


def everything(stage: Stage) -> tuple[object, ...]:
    """All that is on the engine, and whether it runs."""
    containers = {(entry.name, entry.id, entry.status) for entry in stage.client.containers.list(all=True)}
    volumes = {(entry.name, str(entry.attrs)) for entry in stage.client.volumes.list()}
    networks = {(entry.name, entry.id) for entry in stage.client.networks.list()}
    return containers, volumes, networks, {(entry.id, *entry.tags) for entry in stage.client.images.list()}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_ours_is_named_and_the_command_refuses(name: str, stage: Stage, checkout: Checkout) -> None:
    """A name of ours is no proof, and our project is none: only our label and our project together."""
    FOREIGN[name](stage)
    before = everything(stage)
    refusal = checkout.fail("build" if name.startswith("image") else "start")
    assert name in refusal
    assert "Nothing was changed" in refusal
    assert everything(stage) == before


def test_every_command_that_changes_something_refuses(stage: Stage, checkout: Checkout) -> None:
    """With two of them at once, each named; commands that only look go on."""
    FOREIGN["container somebody"](stage)
    FOREIGN[f"volume {PROJECT}_postgres_data"](stage)
    before = everything(stage)
    for command in CHANGING:
        refusal = checkout.fail(*command, answer="yes\n")
        assert "container somebody" in refusal
        assert f"volume {PROJECT}_postgres_data" in refusal
    checkout.succeed("status")
    assert everything(stage) == before


def test_a_second_checkout_does_not_take_over(stage: Stage, checkout: Checkout, tmp_path: Path) -> None:
    """The first one's containers are named with their folder; when that folder is gone, they are taken on."""
    checkout.succeed("start", "console-redis")
    second = make_checkout(stage, tmp_path / "second")
    refusal = second.fail("clean", "--data", answer="yes\n")
    assert f"of the console in {checkout.folder}" in refusal
    checkout.folder.rename(tmp_path / "moved")
    second.succeed("stop")


def test_sample_bots_come_on_request_and_go_with_the_rest(stage: Stage, checkout: Checkout) -> None:
    """The profile in ``.env`` starts them; ``clean`` removes them also without it."""
    checkout.succeed("start", "sample-elena")
    bots = {entry.name for entry in stage.client.containers.list() if "whisperengine.bot" in entry.labels}
    assert bots == {"whisperengine-sample-elena-bot"}
    checkout.succeed("clean")
    assert stage.client.containers.list(all=True) == []


def test_it_joins_the_network_of_a_fleet_and_leaves_it_as_it_was(
    stage: Stage, checkout: Checkout, tmp_path: Path
) -> None:
    """With the shipped file for it: the console is on the fleet's network, and gone from it after ``clean``."""
    make_fleet(stage, tmp_path / "fleet")
    before = stage.facts(OLD_PROJECT)
    network = f"{OLD_PROJECT}_bot_network"
    together = {
        "WEB_UI_COMPOSE_FILES": "tests.yml:deploy/docker-compose.fleet.yml",
        "FLEET_NETWORK": network,
    }
    checkout.succeed("start", "--no-deps", "whisperengine-web", **together)
    console = stage.client.containers.get("whisperengine-web-interface")
    assert network in console.attrs["NetworkSettings"]["Networks"]
    found = console.exec_run(["python", "-c", "import socket; print(socket.gethostbyname('elena-bot'))"])
    assert found.exit_code == 0, found.output
    checkout.succeed("clean", **together)
    assert stage.facts(OLD_PROJECT) == before
    assert "nowhere.yml, which does not exist" in checkout.fail("start", WEB_UI_COMPOSE_FILES="nowhere.yml")

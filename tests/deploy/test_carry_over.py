"""``./web-ui.sh carry-over``: an installation with the earlier names, and fleets that have the very same."""

import asyncio
import io
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.compose_stage import (
    OLD_PROJECT,
    PROJECT,
    STAND_IN,
    STAND_IN_WEB,
    WEB_IMAGE,
    Checkout,
    Stage,
    fleet_of_v1,
    make_project,
    old_installation,
)

pytestmark = pytest.mark.docker
CATALOG = "base/16384/1259"
DATA = {"web_state": 10001, "postgres_data": 70, "qdrant_data": 0}


def make_old(stage: Stage, folder: Path) -> None:
    """A running installation with the earlier names and something in its volumes."""
    make_project(stage, folder, old_installation(), project=OLD_PROJECT)
    fill(stage)


def fill(stage: Stage) -> None:
    """Files of their owners in each volume of the earlier names."""
    for name, owner in DATA.items():
        stage.write(f"{OLD_PROJECT}_{name}", "kept", name.encode() * 1000, owner=owner)
    write_catalog(stage, "web_ui_alembic_version", "web_messages")


def write_catalog(stage: Stage, *tables: str) -> None:
    """The list of tables where PostgreSQL keeps it, as long names as it does."""
    stage.write(f"{OLD_PROJECT}_postgres_data", CATALOG, b"".join(name.encode().ljust(64, b"\0") for name in tables))


def volumes(stage: Stage, project: str) -> dict[str, Any]:
    """What is in the volumes of a project, by the part of their names that stays."""
    return {name: stage.content(f"{project}_{name}") for name in DATA}


def make_volumes(stage: Stage) -> None:
    """What is left when all containers of a project were removed."""
    for name in DATA:
        labels = {"com.docker.compose.project": OLD_PROJECT, "com.docker.compose.volume": name}
        stage.client.volumes.create(f"{OLD_PROJECT}_{name}", labels=labels)
    fill(stage)


def test_an_old_installation_is_found_and_carried_over(stage: Stage, checkout: Checkout) -> None:
    """Asked first; then its data are under the new names, its volumes as they were, and the user's own bot ran on."""
    own_file = (checkout.folder / "docker-compose.multi-bot.yml").read_text()
    make_old(stage, checkout.folder)
    (checkout.folder / "docker-compose.multi-bot.yml").write_text(own_file)  # upgraded in place
    before = stage.facts(OLD_PROJECT)
    assert "./web-ui.sh carry-over" in checkout.fail("start")
    assert "nothing was changed" in checkout.fail("carry-over", answer="no\n")
    assert stage.facts(OLD_PROJECT) == before

    said = checkout.succeed("carry-over", answer="yes\n")
    assert f"{OLD_PROJECT}_postgres_data -> {PROJECT}_postgres_data" in said
    after = stage.facts(OLD_PROJECT)
    assert after["volumes"] == before["volumes"]
    assert set(after["containers"]) == {"whisperengine-gabriel-bot"}
    assert after["containers"]["whisperengine-gabriel-bot"]["State"]["Running"]
    assert (
        after["containers"]["whisperengine-gabriel-bot"]["State"]
        == (before["containers"]["whisperengine-gabriel-bot"]["State"])
    )
    assert volumes(stage, PROJECT) == volumes(stage, OLD_PROJECT)

    checkout.succeed("start")
    assert volumes(stage, PROJECT) == volumes(stage, OLD_PROJECT)
    assert stage.client.containers.get("whisperengine-console-postgres").status == "running"
    checkout.succeed("clean")
    assert "nothing to carry over" in checkout.fail("carry-over", answer="yes\n")


def test_a_fleet_of_the_same_names_is_not_taken_for_ours(stage: Stage, checkout: Checkout, tmp_path: Path) -> None:
    """Alone it is no installation; with a volume of ours in its project nothing is certain, and its parts are named."""
    make_project(stage, tmp_path / "fleet", fleet_of_v1(), project=OLD_PROJECT)
    before = stage.facts(OLD_PROJECT)
    assert "no installation with the earlier names" in checkout.fail("carry-over", answer="yes\n")
    assert stage.facts(OLD_PROJECT) == before

    labels = {"com.docker.compose.project": OLD_PROJECT, "com.docker.compose.volume": "web_state"}
    stage.client.volumes.create(f"{OLD_PROJECT}_web_state", labels=labels)
    before = stage.facts(OLD_PROJECT)
    assert "carry-over" in checkout.fail("start")
    refusal = checkout.fail("carry-over", answer="yes\n")
    for name in ("whisperengine-postgres", "whisperengine-qdrant", "elena-bot"):
        assert f"container {name} " in refusal
    assert "Nothing was changed" in refusal
    assert stage.facts(OLD_PROJECT) == before
    assert stage.names(PROJECT) == set()


def test_a_console_inside_a_fleet_of_v1_is_not_certain(stage: Stage, checkout: Checkout, tmp_path: Path) -> None:
    """The fleet's own file with our web service in it: the databases are the fleet's."""
    fleet = fleet_of_v1()
    ours = old_installation()
    fleet["services"]["whisperengine-web"] = ours["services"]["whisperengine-web"] | {"networks": ["bot_network"]}
    fleet["volumes"]["web_state"] = None
    make_project(stage, tmp_path / "fleet", fleet, project=OLD_PROJECT)
    before = stage.facts(OLD_PROJECT)
    refusal = checkout.fail("carry-over", answer="yes\n")
    assert "container whisperengine-postgres (service postgres" in refusal
    assert "container whisperengine-web-interface" not in refusal
    assert stage.facts(OLD_PROJECT) == before


def test_volumes_alone_are_carried_over_when_the_database_is_ours(stage: Stage, checkout: Checkout) -> None:
    """Also without a container. A database with a fleet's tables, or without ours, is refused, and a volume in use."""
    make_volumes(stage)
    for tables, reason in (
        (("web_ui_alembic_version", "bot_deployments"), "has a fleet's tables"),
        (("universal_users",), "has no tables of the console's"),
    ):
        write_catalog(stage, *tables)
        assert f"volume {OLD_PROJECT}_postgres_data {reason}" in checkout.fail("carry-over", answer="yes\n")
    write_catalog(stage, "web_ui_alembic_version")
    user = stage.client.containers.create(STAND_IN, name="somebody", volumes=[f"{OLD_PROJECT}_qdrant_data:/data"])
    assert f"container somebody uses the volume {OLD_PROJECT}_qdrant_data" in checkout.fail("carry-over")
    user.remove()
    before = stage.facts(OLD_PROJECT)
    assert stage.names(PROJECT) == set()
    checkout.succeed("carry-over", answer="yes\n")
    assert stage.facts(OLD_PROJECT) == before
    assert volumes(stage, PROJECT) == volumes(stage, OLD_PROJECT)


async def test_postgresql_keeps_the_names_of_tables_as_they_are(database_url: str) -> None:
    """What `carry-over` looks for is in the real catalog of the real schema, in the file that it reads."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CHECKPOINT")
        folder = await connection.fetchval("SELECT current_setting('data_directory')")
        path = await connection.fetchval("SELECT pg_relation_filepath('pg_class')")
    finally:
        await connection.close()
    assert Path(path).match("base/*/1259")
    catalog = await asyncio.to_thread(Path(folder, path).read_bytes)
    assert b"web_ui_alembic_version\0" in catalog
    assert b"bot_deployments\0" not in catalog


def test_a_carry_over_that_broke_off_is_not_started_on(stage: Stage, checkout: Checkout) -> None:
    """What is half copied is never used: `start` says what to do, and a second try makes it whole."""
    make_volumes(stage)
    without_cp = io.BytesIO(f"FROM {STAND_IN_WEB}\nRUN rm -f /usr/bin/cp /bin/cp".encode())
    stage.client.images.build(fileobj=without_cp, tag=WEB_IMAGE, network_mode="none", rm=True)
    broken = checkout("carry-over", answer="yes\n")
    assert broken.returncode != 0
    assert "Not finished. The old volumes are as they were" in broken.stderr
    assert "a carry-over did not finish" in checkout.fail("start")
    stage.tag()
    checkout.succeed("carry-over", answer="yes\n")
    assert volumes(stage, PROJECT) == volumes(stage, OLD_PROJECT)


def test_somebody_may_begin_anew(stage: Stage, checkout: Checkout) -> None:
    """`start --new` leaves the old data where they are."""
    make_volumes(stage)
    before = stage.facts(OLD_PROJECT)
    assert "start --new" in checkout.fail("start")
    checkout.succeed("start", "--new", "console-redis", "console-postgres")
    assert stage.content(f"{PROJECT}_postgres_data").keys() == {"volume"}
    assert stage.facts(OLD_PROJECT) == before

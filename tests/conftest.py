"""Real parts, offered to every test as fixtures; and the order of the tests."""

import gc

import pytest

pytest_plugins = [
    "tests.support.api",
    "tests.support.bots",
    "tests.support.browser",
    "tests.support.console_app",
    "tests.support.docker_engine",
    "tests.support.compose_stage",
    "tests.support.no_skips",
    "tests.support.servers",
    "tests.support.shared_api",
    "tests.fleets.world",
]
LONG = ("tests/chaos/", "tests/console/", "tests/deploy/", "tests/e2e/", "tests/fleets/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that several processes end at about the same time."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """Take what is there by now out of every later garbage collection: NiceGUI asks for two with each application."""
    gc.collect()
    gc.freeze()

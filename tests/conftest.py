"""Real parts, offered to every test as fixtures; and the order of the tests."""

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
]
LONG = ("tests/chaos/", "tests/e2e/", "tests/deploy/")


@pytest.hookimpl(tryfirst=True)  # the groups have to be there before xdist looks for them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that several processes end at about the same time.

    A file stays in one process. All that needs Docker is in one together: an engine and its images are made once.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    for item in items:
        file = item.nodeid.partition("::")[0]
        group = "docker" if item.get_closest_marker("docker") or file.startswith("tests/deploy/") else file
        item.add_marker(pytest.mark.xdist_group(group))

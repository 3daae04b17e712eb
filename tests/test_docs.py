"""The programs in the documentation run as they stand there."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.support.api import RunningApi
from tests.support.eventually import DEADLINE_S

ROOT = Path(__file__).resolve().parents[1]


def programs(name: str) -> list[str]:
    """The whole programs, with an import and a run, of a page."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    return [block for block in blocks if "asyncio.run(" in block]


@pytest.mark.parametrize("name", ["docs/client.md", "docs/websocket.md"])
async def test_a_program_gets_its_answer(name: str, api: RunningApi) -> None:
    """Against a real server it ends by itself, without a complaint, having printed something."""
    assert programs(name)
    for program in programs(name):
        source = program.replace("localhost:8080", api.url.removeprefix("http://"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", source, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert (process.returncode, bool(output.strip())) == (0, True)

"""``web-ui.sh adopt`` and ``proxy-rules``: from the command line, and into the running proxy."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from chat_api.parts.schemas import ProjectView
from console.adoption import allowed, rules
from tests.support.commands import environment, finished
from tests.support.compose_stage import Checkout, Stage
from tests.support.docker_engine import BotContainer, DockerEngineHandle

pytestmark = pytest.mark.docker
# Answers in the place of the console in the stand-in's container.
CONSOLE = f"print('a line of a log'); print({chr(10).join(rules(['whisperengine-v2-elena']))!r})"
MOUNTED = "services:\n  whisperengine-web:\n    volumes: ['./stand-in:/app/console:ro']\n"


async def test_a_project_is_adopted_from_the_command_line(
    database_url: str,
    redis_url: str,
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    tmp_path: Path,
) -> None:
    """Listed with what each seems to be, adopted, in the proxy's rules by name, and only watched again."""
    labels = {"com.docker.compose.project": "v2", "com.docker.compose.service": "elena"}
    bot_container("elena", name="whisperengine-v2-elena", labels=labels)
    env = environment(
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        DOCKER_HOST=docker_engine.host,
        WEB_UI_STATE_DIR=tmp_path,
        BOTS_ENV_DIR=tmp_path,
    )

    async def run(command: str, *arguments: str) -> str:
        code, output = await finished(command, *arguments, env=env)
        assert code == 0, output
        return output

    listed = await run("adopt")
    assert re.search(r"v2 \(a fleet\)\n\s+watched\s+bot\s+running\s+whisperengine-v2-elena", listed), listed
    assert "whisperengine-v2-elena" not in await run("proxy-rules")
    assert await run("adopt", "--project", "v2") == "Adopted whisperengine-v2-elena.\n"
    assert (await run("proxy-rules")).splitlines() == list(rules(["whisperengine-v2-elena"]))
    assert await run("adopt", "--undo", "--project", "v2") == "whisperengine-v2-elena is only watched now.\n"
    code, output = await finished("adopt", "nobody", env=env)
    assert (code, output) == (1, "The container engine has no container nobody.\n")


def test_a_service_s_name_lets_no_container_through() -> None:
    """A proxy knows containers by their names, and one may be called as somebody's adopted service."""
    known = {"state": "running", "image": "", "project": "", "service": "", "role": "worker", "title": "", "why": ""}
    view = TypeAdapter(ProjectView).validate_python(
        {
            "name": "",
            "is_fleet": False,
            "containers": [
                {**known, "name": "worker", "kind": "container", "is_adopted": True},
                {**known, "name": "stack_worker", "kind": "service", "is_adopted": True},
                {**known, "name": "watched", "kind": "container"},
            ],
        }
    )
    assert allowed([view]) == ["worker"]


def test_the_rules_of_the_running_proxy_follow(stage: Stage, checkout: Checkout) -> None:
    """Two lines of .env change and nothing else in it, nor its mode and place; the proxy is started anew with them."""
    (checkout.folder / "stand-in").mkdir()
    (checkout.folder / "extra.yml").write_text(MOUNTED)
    checkout.env("WEB_UI_COMPOSE_FILES=tests.yml:extra.yml\nENGINE_PROXY_GET=old\n")
    link, file = checkout.folder / ".env", checkout.folder / "env"
    before = link.read_bytes() + "# Gr\u00fc\u00dfe".encode("latin-1")  # without an end of line
    file.write_bytes(before)
    file.chmod(0o640)
    link.unlink()
    link.symlink_to("env")
    checkout.succeed("start")
    assert "nothing was changed" in checkout.fail("proxy-rules", "--apply")
    assert file.read_bytes() == before

    (checkout.folder / "stand-in" / "__init__.py").touch()
    (checkout.folder / "stand-in" / "cli.py").write_text(CONSOLE)
    checkout.succeed("proxy-rules", "--apply", LC_ALL="C.UTF-8")
    kept = before.replace(b"ENGINE_PROXY_GET=old\n", b"") + b"\n"
    assert file.read_bytes() == kept + "\n".join(rules(["whisperengine-v2-elena"])).encode() + b"\n"
    assert (link.is_symlink(), oct(file.stat().st_mode & 0o777)) == (True, oct(0o640))
    command = stage.client.containers.get("whisperengine-console-docker-proxy").attrs["Config"]["Cmd"]
    assert any("whisperengine\\-v2\\-elena" in part for part in command), command

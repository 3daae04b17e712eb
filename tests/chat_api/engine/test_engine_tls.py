"""A real Docker Engine that listens to those alone who have a certificate, as ``dockerd --tlsverify`` does."""

from pathlib import Path

import pytest

from chat_api.core.errors import EngineUnavailable
from chat_api.core.settings import Settings
from chat_api.engine.client import EngineTls
from chat_api.engine.docker import DockerEngine
from chat_api.engine.schemas import ContainerState
from tests.support.base_image import tools_tar
from tests.support.certificates import make_certificates
from tests.support.docker_engine import running_engine
from tests.support.ports import free_port

pytestmark = pytest.mark.docker


async def test_an_engine_by_tcp_with_certificates(tmp_path: Path) -> None:
    """Its containers are seen with our certificate; without one, and with that of another authority, nothing is."""
    ours, theirs, port = tmp_path / "ours", tmp_path / "theirs", free_port()
    for folder in (ours, theirs):
        folder.mkdir()
        make_certificates(folder)
    settings = Settings(docker_host=f"tcp://localhost:{port}", docker_tls_verify=True, docker_cert_path=ours)
    with running_engine(tls=(port, ours)) as real:
        with tools_tar().open("rb") as tar:
            real.client.api.import_image_from_data(tar, repository="tools", tag="latest")
        real.client.containers.create(
            "tools:latest", ["sh"], name="gabriel-bot", labels={"whisperengine.bot": "gabriel"}
        )
        engine = DockerEngine(str(settings.docker_host), tls=EngineTls.of(settings))
        assert await engine.ping() > 0
        (view,) = await engine.list_bots()
        assert (view.bot_name, view.state) == ("gabriel", ContainerState.CREATED)
        await engine.close()
        for changes in ({"docker_cert_path": theirs}, {"docker_cert_path": None, "docker_tls_verify": False}):
            stranger = DockerEngine(str(settings.docker_host), tls=EngineTls.of(settings.model_copy(update=changes)))
            with pytest.raises(EngineUnavailable):
                await stranger.list_bots()
            await stranger.close()

"""A real Podman for the tests, with the service that speaks Docker's API."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support.base_image import tools_tar
from tests.support.contained import DockerEngineHandle, contained_engine, require

IMAGE = "localhost/whisperengine-test-tools:latest"
# What a sandbox may forbid: systemd's control groups, more open files than its own, filters of system calls.
SETTINGS = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
log_driver = "k8s-file"
seccomp_profile = "unconfined"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"""


@contextlib.contextmanager
def running_podman() -> Iterator[DockerEngineHandle]:
    """Podman with one image of a few tools; its containers use the host's network."""
    require("podman", package="podman")

    def command(root: Path) -> list[str]:
        (root / "containers.conf").write_text(SETTINGS)
        folders = [f"--root={root}/data", f"--runroot={root}/run", f"--tmpdir={root}/tmp", "--storage-driver=vfs"]
        return ["podman", *folders, "system", "service", "--time=0", f"unix://{root}/sock"]

    def environment(root: Path) -> dict[str, str]:
        return {"CONTAINERS_CONF": f"{root}/containers.conf"}

    with contained_engine(command, environment=environment) as engine:
        with tools_tar().open("rb") as tar:
            engine.client.api.import_image_from_data(tar, repository=IMAGE.partition(":")[0], tag="latest")
        yield engine

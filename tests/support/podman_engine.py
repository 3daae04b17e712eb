"""A real Podman for the tests, with the service that speaks Docker's API."""

import contextlib
import shutil
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
def running_podman(*, is_rootless: bool = False) -> Iterator[DockerEngineHandle]:
    """Podman with one image of a few tools; its containers use the host's network.

    ``is_rootless``: an account without any right runs it, as a user of a machine does.
    """
    require("podman", package="podman")
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if is_rootless else []

    def command(root: Path) -> list[str]:
        (root / "containers.conf").write_text(SETTINGS)
        if is_rootless:
            for folder in (root, root / "home", root / "runtime"):
                folder.mkdir(mode=0o700, exist_ok=True)
                shutil.chown(folder, "nobody", "nogroup")
        folders = [f"--root={root}/data", f"--runroot={root}/run", f"--tmpdir={root}/tmp", "--storage-driver=vfs"]
        return [*as_nobody, "podman", *folders, "system", "service", "--time=0", f"unix://{root}/sock"]

    def environment(root: Path) -> dict[str, str]:
        own = {"HOME": f"{root}/home", "XDG_RUNTIME_DIR": f"{root}/runtime"} if is_rootless else {}
        return {"CONTAINERS_CONF": f"{root}/containers.conf"} | own

    with contained_engine(command, environment=environment) as engine:
        with tools_tar().open("rb") as tar:
            engine.client.api.import_image_from_data(tar, repository=IMAGE.partition(":")[0], tag="latest")
        yield engine

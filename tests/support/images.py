"""The images of the tests, built from the local base image and from the wheels of the lock file."""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import docker
from docker.errors import BuildError
from docker.utils.build import exclude_paths

from tests.support.base_image import base_tar, cache_alone

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "runtime.lock"
WEB_IMAGE = "whisperengine-test-web:latest"
BOT_IMAGE = "whisperengine-test-bot:latest"
# Only what a bot imports: the whole image takes ten times as long, and most tests need no more than bots.
BOT_DOCKERFILE = b"""
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS made
COPY wheels wheels
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install -q --no-index --find-links wheels aiohttp nltk pyyaml
FROM ${BASE_IMAGE}
COPY --from=made /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1
WORKDIR /app
COPY sample_bot sample_bot
COPY characters characters
"""


def build_web_image(client: docker.DockerClient, base_image: str) -> str:
    """Build Dockerfile.web and return its tag. Raises: AssertionError with the log of the build."""
    return _built_once(client, base_image, tag=WEB_IMAGE, dockerfile=(ROOT / "Dockerfile.web").read_bytes())


def build_bot_image(client: docker.DockerClient, base_image: str | Callable[[], str]) -> str:
    """Build an image that has ``python -m sample_bot`` and return its tag. The base may be made when it is needed."""
    return _built_once(client, base_image, tag=BOT_IMAGE, dockerfile=BOT_DOCKERFILE)


def _built_once(
    client: docker.DockerClient, base_image: str | Callable[[], str], *, tag: str, dockerfile: bytes
) -> str:
    """Build it, or take what another engine built of the same files: each process has an engine, with no image."""
    context = _context(dockerfile)
    key = hashlib.sha256(context.getbuffer())
    key.update(base_tar().name.encode())
    kind = tag.partition(":")[0]
    with cache_alone(kind) as cache:
        path = cache / f"{kind}-{key.hexdigest()[:16]}.tar"
        if path.exists():
            with path.open("rb") as kept:
                client.images.load(kept)
            return tag
        _build(client, base_image if isinstance(base_image, str) else base_image(), tag=tag, context=context)
        for stale in cache.glob(f"{kind}-*"):
            stale.unlink(missing_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as kept:
            kept.writelines(client.images.get(tag).save(named=True))
        partial.replace(path)  # whole or not at all
    return tag


def _build(client: docker.DockerClient, base_image: str, *, tag: str, context: io.BytesIO) -> None:
    try:
        client.images.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            buildargs={"BASE_IMAGE": base_image},
            network_mode="none",  # nothing may be fetched: the lock's hashes and the wheels are all there is
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        log = "".join(str(line.get("stream", line.get("error", ""))) for line in error.build_log)
        raise AssertionError(f"{tag} does not build:\n{log[-4000:]}") from error


def _context(dockerfile: bytes) -> io.BytesIO:
    """What ``docker build .`` would send, with the wheels beside it."""
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name in sorted(exclude_paths(str(ROOT), ignore)):
            if not name.startswith("wheels"):
                tar.add(ROOT / name, arcname=name, recursive=False)
        for wheel in sorted(wheels_dir().glob("*.whl")):
            tar.add(wheel, arcname=f"wheels/{wheel.name}")
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(dockerfile)
        tar.addfile(info, io.BytesIO(dockerfile))
    context.seek(0)
    return context


def wheels_dir() -> Path:
    """The wheels of the runtime lock, fetched once for each content of the lock and checked against its hashes."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    with cache_alone("wheels") as cache:
        path = cache / f"wheels-{key}"
        if not path.is_dir():
            for stale in cache.glob("wheels-*"):
                shutil.rmtree(stale)
            partial = path.with_suffix(".partial")
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--quiet"]
            options = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(LOCK), "-d", str(partial)]
            subprocess.run([*pip, *options], check=True)
            partial.rename(path)
    return path

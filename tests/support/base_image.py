"""A container base image made of this machine's own Python: seconds to make, and nothing to pull.

It stands in for ``python:3.11-slim-bookworm``: the interpreter that runs the tests with its standard library, ``pip``,
the shared libraries of all of these, a shell with a few core tools, and CA certificates, each at the same path as on
the host. A Debian made by ``debootstrap`` would do as well, but takes 50 s, 270 MB and a mirror.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pip

TOOLS = ("sh", "env", "cat", "cp", "mv", "rm", "mkdir", "ln", "ls", "chmod", "chown", "id", "sleep", "touch", "true")
# What manylinux wheels may expect of any system. Source: PEP 600 and its "manylinux_2_17" policy.
SYSTEM_LIBRARIES = ("m", "pthread", "dl", "rt", "util", "resolv", "gcc_s", "stdc++", "z")
NOT_IN_AN_IMAGE = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "site-packages"}
KEEP_S = 24 * 3600
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def cache_dir() -> Path:
    """Where slow test material is kept between runs; safe to delete at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "whisperengine-console"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def cache_alone(what: str) -> Iterator[Path]:
    """The same, for one process at a time that wants ``what``: the others wait, and find what was made."""
    path = cache_dir()
    with (path / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


def base_tar() -> Path:
    """The root file system as a tar, cached under a key that changes with any file in it."""
    return _cached_tar("base", _files())


def tools_tar() -> Path:
    """One with a shell and a few tools and nothing else, for containers that only have to be there."""
    return _cached_tar("tools", _tools())


def _cached_tar(name: str, wanted: Iterable[Path]) -> Path:
    files = {Path(os.path.realpath(file.parent)) / file.name for file in wanted}
    facts = sorted((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    key = hashlib.sha256(repr((facts, Path(__file__).read_text())).encode()).hexdigest()[:16]
    with cache_alone(name) as cache:
        path = cache / f"{name}-{key}.tar"
        if not path.exists():
            for other in cache.glob(f"{name}-*"):
                if time.time() - other.stat().st_mtime > KEEP_S:  # another checkout may be about to read a younger one
                    other.unlink(missing_ok=True)
            partial = path.with_suffix(".partial")
            _write(partial, files)
            partial.replace(path)  # whole or not at all
    return path


def _tools() -> Iterator[Path]:
    tools = [path for tool in TOOLS if (path := _which(tool))]
    yield from (*tools, *_libraries(tools))


def _files() -> Iterator[Path]:
    executable = Path(os.path.realpath(sys.executable))
    stdlib = list(_tree(Path(sysconfig.get_path("stdlib"))))
    tools = [path for tool in TOOLS if (path := _which(tool))]
    yield from (executable, *stdlib, *tools, *_tree(Path(pip.__file__).parent))
    if CERTIFICATES.exists():
        yield CERTIFICATES
    libraries = _libraries([executable, *tools, *(file for file in stdlib if file.suffix == ".so")])
    yield from libraries
    libc_dir = next(path.parent for path in libraries if path.name == "libc.so.6")
    for name in SYSTEM_LIBRARIES:
        yield from libc_dir.glob(f"lib{name}.so.[0-9]")


def _tree(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in NOT_IN_AN_IMAGE and not name.startswith("config-3")]
        # A dangling link is a configuration file that this machine does not have.
        yield from (path for name in files if "_tkinter" not in name and (path := Path(folder, name)).exists())


def _which(tool: str) -> Path | None:
    return next((path for folder in ("/usr/bin", "/bin") if (path := Path(folder, tool)).exists()), None)


def _libraries(binaries: Iterable[Path]) -> list[Path]:
    # "not a dynamic executable" makes ldd exit 1 for the whole list, so its exit status says nothing.
    ldd = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False)
    words = {word for line in ldd.stdout.splitlines() if "(0x" in line for word in line.split()}
    return [Path(word) for word in sorted(words) if word.startswith("/") and Path(word).exists()]


def _write(target: Path, files: Iterable[Path]) -> None:
    with tarfile.open(target, "w", dereference=True) as tar:
        for folder, mode in (("tmp", 0o1777), ("var/tmp", 0o1777), ("root", 0o755), ("etc", 0o755), ("app", 0o755)):
            _add_folder(tar, folder, mode)
        for name in ("bin", "lib", "lib64", "sbin"):
            if Path("/", name).is_symlink():  # merged /usr, as on every current Debian
                _add_link(tar, name, f"usr/{name}")
        for file in sorted(files):
            tar.add(file, filter=_as_root)
        for name, text in ACCOUNTS.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, BytesIO(text.encode()))
        executable = os.path.realpath(sys.executable)
        for name in ("python", "python3"):
            if f"/usr/local/bin/{name}" != executable:
                _add_link(tar, f"usr/local/bin/{name}", executable)
        # Found by any interpreter, whatever its distribution calls its folder for packages.
        _add_link(tar, f"{sysconfig.get_path('stdlib').lstrip('/')}/pip", str(Path(pip.__file__).parent))


def _as_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mode |= 0o444
    return info


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info)


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
    tar.addfile(info)

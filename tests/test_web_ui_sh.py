"""``web-ui.sh`` itself: the environment it makes, what it refuses, what it says."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import ROOT, WEB_UI, environment

COMPOSE_COMMANDS = ("start", "stop", "restart", "status", "logs", "health", "build", "shell", "clean", "carry-over")
COMMANDS = (
    "demo",
    "serve",
    "api",
    "test",
    "create-admin",
    "migrate",
    "check",
    "bench",
    "chaos",
    "settings-table",
    *COMPOSE_COMMANDS,
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the test's own."""
    with tempfile.TemporaryDirectory(prefix="we-") as name:
        yield Path(name)


@pytest.fixture
def clone(folder: Path) -> Path:
    """A clone that was never used."""
    return make_clone(folder)


@pytest.fixture(scope="module")
def used_clone() -> Iterator[Path]:
    """A clone in which two first commands ran at once; what they said is in ``first0.txt`` and ``first1.txt``."""
    with tempfile.TemporaryDirectory(prefix="we-") as name:
        clone = make_clone(Path(name))
        env = environment(WEB_UI_VENV=clone / ".venv")
        starts = []
        for number in range(2):
            with (clone / f"first{number}.txt").open("w") as output:
                command: list[str | Path] = [clone / "web-ui.sh", "check"]
                starts.append(subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT))
        assert [process.wait(timeout=120) for process in starts] == [0, 0]
        yield clone


def make_clone(folder: Path) -> Path:
    """The script with locks that name one small package, and a command line that prints its arguments."""
    shutil.copy(WEB_UI, folder)
    for name in ("requirements", "console"):
        (folder / name).mkdir()
    for lock in ("runtime.lock", "dev.lock"):
        (folder / "requirements" / lock).write_text(f"# {lock}\n{locked('mdurl')}")
    shutil.copy(ROOT / "requirements" / "bootstrap.lock", folder / "requirements")
    (folder / "console" / "cli.py").write_text("import sys; print('cli', *sys.argv[1:])\n")
    return folder


def locked(package: str) -> str:
    """The entry of one package in our own lock, with its hashes."""
    entry = re.search(rf"^{package}==.*?\n(?=\S)", (ROOT / "requirements" / "runtime.lock").read_text(), re.M | re.S)
    assert entry
    return entry[0]


def web_ui(*arguments: str, root: Path = ROOT, **variables: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script to its end."""
    return subprocess.run(
        [root / "web-ui.sh", *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def test_help_explains_every_command() -> None:
    """``--help`` and no arguments at all print the same, and nothing is installed for it."""
    done = web_ui("--help", WEB_UI_VENV="/nonexistent/venv")
    assert done.returncode == 0
    assert web_ui(WEB_UI_VENV="/nonexistent/venv").stdout == done.stdout
    explained = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and line.strip()}
    assert set(COMMANDS) <= explained


def test_an_unknown_command_is_refused() -> None:
    """It is named, exit code 2."""
    done = web_ui("dmeo")
    assert done.returncode == 2
    assert "unknown command: dmeo" in done.stderr


@pytest.mark.parametrize("command", COMPOSE_COMMANDS)
def test_deployment_commands_say_that_docker_is_missing(command: str, folder: Path) -> None:
    """A clear sentence instead of "command not found"."""
    for tool in ("bash", "env", "id"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    done = web_ui(command, PATH=folder)
    assert done.returncode == 1
    assert "docker is not installed" in done.stderr


def test_two_first_commands_at_once_make_one_environment(used_clone: Path) -> None:
    """One installs, the other waits for it; a later command finds everything; a changed lock is followed."""
    outputs = [(used_clone / f"first{number}.txt").read_text() for number in range(2)]
    assert all(output.endswith("cli check\n") for output in outputs)
    assert sum("Installing requirements/runtime.lock" in output for output in outputs) == 1
    later = web_ui("check", root=used_clone, WEB_UI_VENV=used_clone / ".venv")
    assert (later.stdout, later.stderr) == ("cli check\n", "")
    (used_clone / "requirements" / "runtime.lock").write_text(locked("mdurl"))
    assert "Installing" in web_ui("check", root=used_clone, WEB_UI_VENV=used_clone / ".venv").stderr


def test_packages_that_somebody_else_installed_stay(used_clone: Path, folder: Path) -> None:
    """In an environment that the script did not make, it adds what is needed and removes nothing."""
    venv = folder / "own"
    subprocess.run(["python3", "-m", "venv", "--without-pip", venv], check=True)
    subprocess.run(["cp", "-a", "--reflink=auto", used_clone / ".venv" / ".uv", venv / ".uv"], check=True)
    (site_packages,) = venv.glob("lib/python*/site-packages")
    installed = site_packages / "mine-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (installed / "RECORD").write_text("mine-1.0.dist-info/METADATA,,\nmine-1.0.dist-info/RECORD,,\n")
    done = web_ui("check", root=used_clone, WEB_UI_VENV=venv)
    assert done.stdout == "cli check\n", done.stderr
    assert (installed / "METADATA").exists()


def test_a_folder_that_is_no_environment_is_left_alone(folder: Path) -> None:
    """``WEB_UI_VENV`` pointed at the wrong folder costs nothing."""
    (folder / "precious").touch()
    done = web_ui("check", WEB_UI_VENV=folder)
    assert done.returncode == 1
    assert "is not a virtual environment" in done.stderr
    assert os.listdir(folder) == ["precious"]


def test_an_old_interpreter_is_refused(clone: Path) -> None:
    """``WEB_UI_PYTHON`` that is not Python 3.11 is named."""
    done = web_ui("check", root=clone, WEB_UI_VENV=clone / ".venv", WEB_UI_PYTHON="/bin/false")
    assert done.returncode == 1
    assert "WEB_UI_PYTHON=/bin/false is not Python 3.11" in done.stderr


def test_ci_runs_what_people_run() -> None:
    """``.ci/run`` is the test command with skips forbidden, and nothing else."""
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[-2:] == ["export CI=true", "exec ./web-ui.sh test"]

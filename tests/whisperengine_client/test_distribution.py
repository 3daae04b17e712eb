"""The client as others get it: a wheel that works in an environment with nothing but what it declares."""

import email
import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from hatchling.build import build_wheel

CLIENT = Path(__file__).resolve().parents[2] / "whisperengine_client"
# Runs in the empty environment: imports everything, and says what of the installed was needed.
PROGRAM = """
import importlib, json, pkgutil, sys
import whisperengine_client
for module in pkgutil.iter_modules(whisperengine_client.__path__):
    importlib.import_module(f"whisperengine_client.{module.name}")
print(json.dumps([whisperengine_client.__file__, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The client's wheel, built from its folder."""
    monkeypatch.chdir(CLIENT)
    return tmp_path / build_wheel(str(tmp_path))


def test_the_wheel_holds_the_package_and_depends_on_two_libraries(wheel: Path) -> None:
    """Every module, the mark of types and the README; nothing of the server."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith("/METADATA"))
        about = email.message_from_bytes(archive.read(metadata))
    held = {name for name in names if ".dist-info/" not in name}
    assert held == {f"whisperengine_client/{path.name}" for path in [*CLIENT.glob("*.py"), CLIENT / "py.typed"]}
    requirements = about.get_all("Requires-Dist") or []
    assert {requirement.partition(">")[0] for requirement in requirements} == {"httpx", "websockets"}
    assert "ChatClient" in str(about.get_payload())


def test_it_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed, together with what it declares, into an environment that has nothing else."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    _install(python, wheel)
    done = subprocess.run([python, "-I", "-c", PROGRAM], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    where, needed = json.loads(done.stdout)
    assert Path(where).is_relative_to(home)
    assert {"httpx", "websockets"} <= set(needed)
    assert not {"chat_api", "models", "orjson", "pydantic", "aiohttp"} & set(needed)


def _install(python: Path, wheel: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", wheel],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

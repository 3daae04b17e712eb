"""Real reverse proxies, each with its file of ``deploy/proxies/``: only addresses and places of files are replaced."""

import os
import pwd
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.support.eventually import DEADLINE_S, eventually
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "proxies"
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
# For each proxy: its file, and where a test has it listen in place of what the file says.
FILES = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "caddy": "Caddyfile"}

_NGINX = """
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/nginx.conf;
}}
"""


@asynccontextmanager
async def running_proxy(
    name: str, folder: Path, *, upstream: str, changed: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    """Run a proxy before ``upstream`` (host and port) while the block runs; gives the address of its TLS port.

    ``changed`` replaces more of its file, for one that is set up wrong.
    """
    program = shutil.which(name, path=SEARCHED)
    assert program is not None, f"The tests of proxies need `{name}`: apt-get install {name}"
    port = free_port()
    command = _prepared(name, program, folder, port=port, upstream=upstream, changed=changed or {})
    log = folder / "output.log"
    process = _started(command, folder, log)
    try:
        async with httpx.AsyncClient(verify=False, trust_env=False, timeout=DEADLINE_S) as client:

            async def answers() -> bool:
                assert process.poll() is None, log.read_text()
                return (await client.get(f"https://127.0.0.1:{port}/health/ready")).status_code == 200

            await eventually(answers)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=DEADLINE_S)


def _started(command: list[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environment)


def _prepared(
    name: str, program: str, folder: Path, *, port: int, upstream: str, changed: Mapping[str, str]
) -> list[str]:
    """Write certificate and configuration; the command that serves them."""
    certificate, key, both = folder / "server.pem", folder / "server.key", folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    replaced = {
        "127.0.0.1:8080": upstream,
        "/etc/ssl/chat.example.org.pem": str(certificate),
        "/etc/ssl/chat.example.org.key": str(key),
        "/etc/haproxy/chat.example.org.pem": str(both),
        "/var/log/nginx/": f"{folder}/",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "bind :443": f"bind 127.0.0.1:{port}",
        "\nchat.example.org {": f"\nhttps://127.0.0.1:{port} {{",
        **changed,
    }
    text = (FOLDER / FILES[name]).read_text()
    for written, ours in replaced.items():
        text = text.replace(written, ours)
    path = folder / FILES[name]
    if name == "caddy":
        path.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text)
        return [program, "run", "--config", str(path), "--adapter", "caddyfile"]
    path.write_text(text)
    if name == "haproxy":
        return [program, "-db", "-f", str(path)]
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""  # else it may not read a private folder
    (folder / "main.conf").write_text(_NGINX.format(user=user, folder=folder))
    return [program, "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(folder / "main.conf")]

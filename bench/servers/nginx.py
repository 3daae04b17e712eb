"""nginx as a reverse proxy to the bot: the outer limit of what a proxy can do."""

import os
import pwd
import shutil
from pathlib import Path

SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

_CONFIGURATION = """
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    keepalive_requests 100000000;
    upstream bot {{
        server 127.0.0.1:{bot};
        keepalive 256;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://bot;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


def nginx_program() -> str | None:
    """Where nginx is installed, ``None`` when it is not."""
    return shutil.which("nginx", path=SEARCHED)


def nginx_command(program: str, folder: Path, *, port: int, bot: int) -> list[str]:
    """Write the configuration into ``folder``; the command that serves ``port``."""
    is_root = os.geteuid() == 0
    user = f"user {pwd.getpwuid(0).pw_name};" if is_root else ""  # else it may not read a private folder
    path = folder / f"nginx-{port}.conf"
    path.write_text(_CONFIGURATION.format(user=user, folder=folder, port=port, bot=bot))
    return [program, "-e", f"{folder}/nginx-error.log", "-p", str(folder), "-c", str(path)]

"""One of the processes of ``api``: ``python -m console.api_process LISTENER_FD READY_FD``, started by its parent."""

import os
import socket
import sys

from chat_api.core.logging import configure_logging
from chat_api.core.settings import Settings
from console.server import run, serve


async def serve_on(listener: socket.socket, ready_end: int) -> None:
    """Serve the API on an inherited listener, say so once it does, and end on SIGTERM."""
    from chat_api.app import create_app

    settings = Settings()
    configure_logging(level=settings.log_level, log_format=settings.log_format)

    def say_so() -> None:
        os.write(ready_end, b"1")
        os.close(ready_end)

    await serve(create_app(settings, makes_admin=False), listener, on_ready=say_so)


def main(listener_fd: int, ready_end: int) -> int:
    """Run to the end. Returns the exit code."""
    with socket.socket(fileno=listener_fd) as listener:
        listener.setblocking(False)
        return run(serve_on(listener, ready_end))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))

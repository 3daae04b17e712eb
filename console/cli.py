"""The command line: ``python -m console.cli COMMAND``, or ``./web-ui.sh COMMAND``.

Imports are inside the commands: what a command does not need must not delay it.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence

from pydantic import ValidationError

from chat_api.core.errors import AppError
from chat_api.core.settings import Settings
from console.terminal import complain, say

MAX_PROCESSES = 64


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code, see :func:`exit_code_of`."""
    given = _parser().parse_args(argv)
    return exit_code_of(lambda: _run(given))


def exit_code_of(command: Callable[[], int]) -> int:
    """Run a command, its failures as sentences on standard error.

    Returns its exit code: 0 done, 1 failed, 2 misused, 130 interrupted.
    """
    try:
        return command()
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            complain(f"{str(problem['loc'][0]).upper()}: {problem['msg']}")
        return 2
    except AppError as error:
        complain(f"{error.message}\n{error.detail}" if error.detail else error.message)
        return 1
    except OSError as error:
        from chat_api.core.state_dir import unusable_part

        if (said := unusable_part(error, Settings().web_ui_state_dir)) is None:
            raise
        complain(said.message)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(given: argparse.Namespace) -> int:
    if given.command == "settings-table":
        from console.settings_table import settings_table

        sys.stdout.write(settings_table())
        return 0
    settings = Settings()
    if given.command in {"demo", "serve", "api"}:
        return _serve(given, settings)
    if given.command == "check":
        from chat_api.core.logging import configure_logging
        from console.checks import exit_code, run_checks

        configure_logging(level="ERROR", log_format="console")

        findings = asyncio.run(run_checks(settings))
        say(*map(str, findings))
        return exit_code(findings)
    return _administer(given, settings)


def _serve(given: argparse.Namespace, settings: Settings) -> int:
    from chat_api.core.state_dir import SECRET_KEY_FILE, kept_secret, prepare_state_dir
    from console.server import run

    if given.command == "demo" and given.fleet:  # its bots are others: what is kept of one is not of the next
        prepare_state_dir(settings.web_ui_state_dir)
        folder = settings.web_ui_state_dir / f"fleet-{given.fleet}"
        settings = settings.model_copy(update={"web_ui_state_dir": folder})
    # Before anything is started: with these nobody could sign in, or nothing be kept.
    has_key = settings.web_ui_secret_key is not None
    if given.command == "demo" or None in {settings.database_url, settings.redis_url} or not has_key:
        prepare_state_dir(settings.web_ui_state_dir)
    key_file = settings.web_ui_state_dir / SECRET_KEY_FILE
    if not has_key and os.path.lexists(key_file):
        kept_secret(key_file)  # one is made when nothing else stands in the way
    if given.command == "demo":
        from console.demo import run_demo
        from console.demo_fleets import FleetName

        return run(run_demo(settings, FleetName(given.fleet) if given.fleet else None))
    if given.command == "api":
        from console.api import run_api

        return run(run_api(settings, processes=given.processes))
    from console.serve import run_serve

    return run(run_serve(settings))


def _administer(given: argparse.Namespace, settings: Settings) -> int:
    from chat_api.core.logging import configure_logging

    configure_logging(level="WARNING", log_format="console")
    if given.command == "adopt":
        from console.adoption import run_adopt

        asyncio.run(run_adopt(settings, given.names, project=given.project, undo=given.undo))
    elif given.command == "proxy-rules":
        from console.adoption import run_proxy_rules

        asyncio.run(run_proxy_rules(settings))
    elif given.command == "migrate":
        from console.migrate import run_migrate

        asyncio.run(run_migrate(settings))
    else:
        from console.admins import create_admin, read_password, read_username
        from models.admins import Role

        username = read_username(given.username)
        password = read_password(settings)
        role = Role(given.role)
        asyncio.run(create_admin(settings, username, password, role=role, has_totp=given.totp))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web-ui.sh", description="WhisperEngine console and chat gateway")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="run everything on this machine, with five sample bots")
    demo.add_argument("--fleet", choices=("v1", "v2"), help="as a fleet of this generation, with its names and ports")
    commands.add_parser("serve", help="run the console and the API, for production")
    api = commands.add_parser("api", help="run the API and its WebSocket without the console, in several processes")
    api.add_argument(
        "--processes",
        type=int,
        choices=range(1, MAX_PROCESSES + 1),
        default=min(len(os.sched_getaffinity(0)), MAX_PROCESSES),
        metavar="N",
        help="number of processes, up to 64 (default: one per CPU, here %(default)s)",
    )
    admin = commands.add_parser("create-admin", help="create an administrator")
    admin.add_argument("--username", help="prompted for when omitted")
    admin.add_argument("--role", choices=("viewer", "operator", "admin"), default="admin")
    admin.add_argument("--totp", action="store_true", help="require a code from an authenticator app at each sign-in")
    adopt = commands.add_parser("adopt", help="list what the container engine has, or let the console act on it")
    adopt.add_argument("names", nargs="*", metavar="CONTAINER", help="containers to adopt; none lists all")
    adopt.add_argument("--project", help="all that is there of this compose project")
    adopt.add_argument("--undo", action="store_true", help="only watch them from now on")
    commands.add_parser("proxy-rules", help="print what the socket proxy has to let through, as lines of .env")
    commands.add_parser("migrate", help="migrate the database to the current schema")
    commands.add_parser("check", help="check the configuration and every dependency")
    commands.add_parser("settings-table", help="print every setting as a Markdown table")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The account that PostgreSQL runs as under root."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

_PROGRAM = """
import sys
from chat_api.embedded import system_user
system_user.ACCOUNT = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
user = system_user.unprivileged_user()
print(user and user.pw_uid)
"""


@pytest.fixture
def account() -> Iterator[str]:
    """The name of an account that is not there; removed afterwards."""
    name = f"we-test-{os.getpid()}"
    yield name
    subprocess.run(["userdel", name], check=False, capture_output=True)


def test_several_first_starts_at_once_make_one_account(account: str) -> None:
    """Two useradd at once both succeed, and files made in between would belong to nobody; without root: ourselves."""
    command = [sys.executable, "-c", _PROGRAM, account]
    starts = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(12)]
    for start in starts:
        assert start.stdout is not None
        assert start.stdout.readline() == "ready\n"
    for start in starts:
        assert start.stdin is not None
        start.stdin.write("go\n")
        start.stdin.flush()
    assert len({start.communicate()[0] for start in starts}) == 1

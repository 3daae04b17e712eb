"""One application for the chat tests of a module: they are different people, with nothing to do with each other."""

import itertools
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page

from tests.support.chat_browser import Chat
from tests.support.console_app import RunningConsole
from tests.support.sample_bots import RunningBot
from tests.support.shared_console import shared_console

_number = itertools.count(1)


@pytest.fixture(scope="module")
async def console(
    postgres_server: str,
    migrated_template: str,
    valkey_server: str,
    elena_process: RunningBot,
    marcus_process: RunningBot,
    jake_process: RunningBot,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RunningConsole]:
    """The application, with elena, marcus and jake."""
    folder = tmp_path_factory.mktemp("chat")
    bots = (elena_process, marcus_process, jake_process)
    parts = {"postgres_server": postgres_server, "template": migrated_template, "valkey_server": valkey_server}
    async with shared_console("chat_pages", folder, *bots, **parts) as running:
        yield running


@pytest.fixture
async def chat(page: Page, console: RunningConsole) -> Chat:
    """The page of somebody new, signed in."""
    chat = Chat(page, console)
    await chat.sign_in(f"person {next(_number)}")
    return chat

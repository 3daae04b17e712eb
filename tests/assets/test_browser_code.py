"""The unit tests of the browser code, which Node.js runs."""

import re
from typing import Final

from console.labels import ACTIONS
from console.pages.fleet.actions import BOT_ACTIONS
from tests.support.browser_code import ROOT, run_node

# Elements that are drawn, and what scrolls and focuses: only a browser can test them, and tests/e2e does.
DRAWN: Final = {
    "we-bot-row",
    "we-chat-delete",
    "we-chat-head",
    "we-chat-markdown",
    "we-chat-message",
    "we-chat-passwordless",
    "we-chat-side",
    "we-chat-sign-out",
    "we-chat-thread-news",
    "we-chat-tools",
    "we-icon",
}


def test_the_browser_code_passes_its_own_tests() -> None:
    """``node --test`` over ``tests/assets``; its report is shown when one fails."""
    done = run_node("--test", "--test-reporter=spec", "tests/assets/*.test.js")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^ℹ pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 0


def test_every_module_with_logic_has_a_test() -> None:
    """Each module of the browser code is imported by a test, or listed as one that only a browser can test."""
    modules = {path.stem for folder in ("js", "chat") for path in (ROOT / "assets" / folder).glob("we-*.js")}
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "assets").glob("*.test.js"))
    assert modules == set(re.findall(r'^(?:import|.* from) "(we-[\w-]+)"', tests, re.MULTILINE)) | DRAWN


def test_every_action_has_its_words() -> None:
    """What the server does to bots, and what menus offer, are the same."""
    assert list(BOT_ACTIONS) == list(ACTIONS)

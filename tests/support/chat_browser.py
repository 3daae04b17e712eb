"""The chat page in a real browser: what a person does and sees there."""

from playwright.async_api import BrowserContext, Locator, Page, expect

from chat_api.core.cookies import SESSION_COOKIE, read_cookie
from chat_api.core.principals import Principal
from tests.support.console_app import RunningConsole


class Chat:
    """What a person does and sees on the chat page."""

    def __init__(self, page: Page, console: RunningConsole) -> None:
        self.page = page
        self.name = ""
        self._console = console
        self._url = console.url

    async def sign_in(self, name: str, *, password: str = "") -> None:
        """Come in under a name."""
        self.name = name
        await self.page.goto(self._url)
        await self.page.get_by_label("Name", exact=True).fill(name)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Start chatting").click()
        await expect(self.by_id("me")).to_contain_text(name)

    async def go_offline(self) -> None:
        """Lose the connection; to other tabs of this browser it is lost with the next thing that they ask for."""
        await self.page.context.set_offline(True)
        await self.page.evaluate("window.socket.io.engine.close()")
        await expect(self.by_id("lost")).to_be_visible()

    async def go_online(self) -> None:
        """Have it back."""
        await self.page.context.set_offline(False)
        await expect(self.by_id("lost")).to_have_count(0)

    async def open(self, bot: str) -> None:
        """Choose a bot from the list and wait for its history."""
        await self.by_id(f"bot-{bot}").click()
        await self.loaded()

    async def loaded(self) -> None:
        """Wait until the history is there."""
        await expect(self.by_id("thread")).to_have_attribute("aria-busy", "false")

    async def say(self, text: str) -> None:
        """Write a message and send it with Enter."""
        await self.by_id("composer").fill(text)
        await self.by_id("composer").press("Enter")

    async def talk(self, text: str) -> str:
        """Say something and return the answer."""
        count = await self.said("bot").count()
        await self.say(text)
        await expect(self.said("bot")).to_have_count(count + 1)
        return await self.text_of(self.said("bot").last)

    async def twin(self) -> "Chat":
        """The same person's second tab, where this one is."""
        twin = Chat(await self.page.context.new_page(), self._console)
        await twin.page.goto(self.page.url)
        await twin.loaded()
        return twin

    async def do(self, message: Locator, name: str) -> None:
        """Point at a message and press one of the buttons that it then has."""
        await message.hover()
        await message.get_by_test_id("tools").get_by_role("button", name=name).click()

    def said(self, role: str) -> Locator:
        """The messages of one side."""
        return self.page.locator(f"[data-testid=message][data-role={role}]")

    def by_id(self, name: str) -> Locator:
        """A part of the page."""
        return self.page.get_by_test_id(name)

    async def texts(self) -> list[str]:
        """All that is said in the thread, in order."""
        return [await self.text_of(message) for message in await self.by_id("message").all()]

    @staticmethod
    async def text_of(message: Locator) -> str:
        """The text of one message."""
        return await message.locator(".chat-bubble").inner_text()


async def person(context: BrowserContext, console: RunningConsole, name: str) -> Chat:
    """Somebody new, or known to this browser, on a page of their own."""
    chat = Chat(await context.new_page(), console)
    await chat.sign_in(name)
    return chat


async def principal_of(chat: Chat, console: RunningConsole) -> Principal:
    """Whose page it is, for calling services directly."""
    cookies = {cookie["name"]: cookie["value"] for cookie in await chat.page.context.cookies()}
    return await console.services.auth.authenticate(read_cookie(cookies, SESSION_COOKIE))

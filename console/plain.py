"""Pages that are plain HTML: what a visitor without a session sees. They cost the server nothing but their bytes."""

from html import escape

from chat_api.core.language import _
from console import page_head


def not_found() -> str:
    """The page for an address that nothing lives at."""
    return _notice(
        _("Page not found"),
        _("There is no page at this address."),
        f'<a class="we-button" href="/">{_("Chat")}</a> <a class="we-button" href="/admin">{_("Console")}</a>',
    )


def failure(message: str) -> str:
    """The page for a service that cannot answer now. ``message`` is a public one."""
    return _notice(
        _("Temporarily unavailable"), message, f'<a class="we-button we-primary" href="">{_("Try again")}</a>'
    )


def _notice(title: str, text: str, actions: str) -> str:
    body = (
        f'<main class="we-notice" role="main">{page_head.brand()}<h1>{escape(title)}</h1>'
        f"<p>{escape(text)}</p><p>{actions}</p></main>"
    )
    return page_head.document(title, body)

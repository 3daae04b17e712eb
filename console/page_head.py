"""How everything looks: one style sheet, one icon sheet, and the frame of pages that are plain HTML.

The colours, spacing and type scale are custom properties in ``assets/console.css``; ``assets/theme.js`` applies the
reader's choice of dark or light before the first paint. Nothing is loaded from another host.
"""

import hashlib
from functools import cache
from html import escape
from pathlib import Path

from chat_api.core.language import ENGLISH, LANGUAGES, language

ASSETS = Path(__file__).resolve().parents[1] / "assets"
PRODUCT = "WhisperEngine"


@cache
def asset(name: str) -> str:
    """The address of a file in ``assets/``, which changes with its content so that browsers may keep it for ever."""
    digest = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:10]
    return f"/assets/{name}?v={digest}"


def head() -> str:
    """What every page has in its head."""
    # A page may end before it has its own texts: "signed out" is shown in place of everything.
    catalogues = "".join(
        f'<meta name="we-catalogue-{code}" content="{asset(f"locale/{code}.js")}">'
        for code in LANGUAGES
        if code != ENGLISH
    )
    return (
        f'{catalogues}<link rel="stylesheet" href="{asset("console.css")}">'
        f'<script src="{asset("theme.js")}"></script>'
        f'<script src="{asset("language.js")}"></script>'
        f'<script src="{asset("session.js")}"></script>'
        f'<script src="{asset("console.js")}" defer></script>'
        f'<script src="{asset("notices.js")}" defer></script>'
        f'<meta name="we-icons" content="{asset("icons.svg")}">'
        '<meta name="referrer" content="same-origin">'
    )


@cache
def _plain_head() -> str:
    """The same for plain HTML, which waits for no script: a form has to be there when scripts are late or blocked."""
    page = head()
    for name in ("theme.js", "session.js", "language.js"):
        page = page.replace(f'<script src="{asset(name)}"></script>', f"<script>{(ASSETS / name).read_text()}</script>")
    return page


@cache
def console_head() -> str:
    """What every page of the console has besides: the styles of its parts, the command palette, and what keeps time."""
    sheets = sorted(path.relative_to(ASSETS).as_posix() for path in ASSETS.glob("css/*.css"))
    links = "".join(f'<link rel="stylesheet" href="{asset(sheet)}">' for sheet in sheets)
    times = '<script type="module">import "we-time"; import "we-fresh"; import "we-local";</script>'
    return f'{links}<script type="module" src="{asset("palette.js")}"></script>{times}'


def catalogue_head() -> str:
    """What a page in another language than English has in its head: its texts for the browser's code."""
    code = language()
    return "" if code == ENGLISH else f'<script src="{asset(f"locale/{code}.js")}"></script>'


def page_title(title: str) -> str:
    """The title in the browser's tab."""
    return f"{title} · {PRODUCT}"


def document(title: str, body: str) -> str:
    """A whole page of plain HTML, for visitors who get no NiceGUI client. ``body`` is trusted markup."""
    return (
        f'<!doctype html><html lang="{language()}"><head><meta charset="utf-8">'
        f"<title>{escape(page_title(title))}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="{asset("favicon.svg")}" type="image/svg+xml">'
        f'{_plain_head()}{catalogue_head()}</head><body class="we-plain">{body}</body></html>'
    )


def icon_svg(name: str, classes: str = "") -> str:
    """A symbol of ``assets/icons.svg`` as markup; it takes the colour of the text around it."""
    return f'<svg class="we-icon{classes}" aria-hidden="true"><use href="{asset("icons.svg")}#{name}"></use></svg>'


def brand() -> str:
    """The product's mark and name as markup."""
    return f'<span class="we-brand">{icon_svg("logo")}<span>{PRODUCT}</span></span>'

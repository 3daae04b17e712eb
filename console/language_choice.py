"""The choice of the language: a control for every page, and its answer where no script takes it.

A script keeps the choice in a cookie and loads the page anew. Where there is none, the control is a form that opens the
same address with ``?language=de``, which is answered with that cookie and the address without it.
"""

from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chat_api.core.language import LANGUAGE_COOKIE, LANGUAGES, _, language
from console import page_head

YEAR_S = 365 * 24 * 3600
_FIELD = "language"


def language_control() -> str:
    """The control as markup."""
    options = "".join(
        f'<option value="{code}" lang="{code}"{" selected" if code == language() else ""}>{name}</option>'
        for code, name in LANGUAGES.items()
    )
    label = escape(_("Language"))
    # Browsers would show what was chosen before instead of what is.
    select = f'<select name="{_FIELD}" data-we="language" aria-label="{label}" autocomplete="off">{options}</select>'
    return f'<span class="we-language" title="{label}">{page_head.icon_svg("language")}{select}</span>'


def language_form(address: str) -> str:
    """The control on a page that does without scripts; ``address`` is the page's, one of ours."""
    path, __, query = address.partition("?")
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in parse_qsl(query)
    )
    button = f'<noscript><button class="we-button we-quiet" type="submit">{_("Apply")}</button></noscript>'
    return (
        f'<form class="we-language-form" method="get" action="{escape(path)}">{kept}{language_control()}{button}</form>'
    )


def answer_choice(request: Request) -> Response | None:
    """The answer to an address that chooses a language, ``None`` for any other."""
    code = request.query_params.get(_FIELD)
    if code not in LANGUAGES:
        return None
    query = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != _FIELD])
    answer = RedirectResponse(request.url.path + (f"?{query}" if query else ""), status_code=303)
    answer.set_cookie(LANGUAGE_COOKIE, code, max_age=YEAR_S, samesite="lax", secure=request.url.scheme == "https")
    return answer

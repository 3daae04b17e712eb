"""Where somebody may be sent who came with an address to go on to: only to our own pages."""

from urllib.parse import quote, unquote, urlsplit

# What an address may hold as it is. Source: RFC 3986, "pchar" and "query".
_PLAIN = "/%:@!$&'()*+,;=~-._?"


def own_path(wanted: str | None, *, home: str) -> str:
    """``wanted`` when it is a page of ours under ``home``, resolved as a browser would; else ``home``.

    Browsers take ``\\`` for ``/``, drop tabs and line breaks, and read ``//host`` as another site; ``/.//host`` becomes
    that when it is resolved. Nothing of the kind is ever asked for by us, so what is odd is not repaired but dropped.
    """
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return home
    if not wanted.isprintable() or "\\" in wanted or " " in wanted:
        return home
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return home
    if parts.scheme or parts.netloc:
        return home
    path = _resolved(parts.path)
    is_ours = path == home or path.startswith(home.rstrip("/") + "/")
    if path.startswith("//") or not is_ours:
        return home
    return quote(path + (f"?{parts.query}" if parts.query else ""), safe=_PLAIN)


def _resolved(path: str) -> str:
    """Without dot segments, which may be written as ``%2e``. Source: URL Standard, "path state"."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for number, segment in enumerate(segments, start=1):
        plain = unquote(segment)
        if plain == ".." and kept:
            kept.pop()
        elif plain not in {".", ".."}:
            kept.append(segment)
            continue
        if number == len(segments):
            kept.append("")
    return "/" + "/".join(kept)

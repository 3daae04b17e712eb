"""Secrets out of what others wrote, and out of our own lines: one masker for logs, evidence, records and downloads.

It knows the shapes of tokens that are in use, the names that secrets are assigned to, headers, and key material over
several lines. It would rather take a little too much than let one through. Most lines have nothing that it looks for:
that is found out by RE2, in one go over the line and a hundred times faster than by what then looks closely.
"""

import re
from collections.abc import Iterable

import re2

MASK = "[redacted]"
_REVEALING_WORDS = (
    r"(?:secret(?!ar)|token(?!i[sz])|passw(?:or)?d|passphrase|pwd|credential|auth(?!or(?:s|ed|ity)?\b|entik\b)|cookie"
    r"|api[ _-]?key|[_-]pass\b|(?<![\w-])pass(?==)|\bwe_(?:session|admin|claim)\b"
    # OPENAI_KEY, private-key, openaiKey; not what only says where something is found.
    r"|(?<!primary)(?<!foreign)(?<!public)(?<!cache)(?<!sort)(?<!partition)(?<!idempotency)(?<!routing)(?<!object)"
    r"(?<!event)(?<!message)(?<!content)(?<!feature)(?<!i18n)(?<!group)(?<!lock)[_-]key\b"
    r"|(?-i:(?<!publi)(?<!primar)(?<!foreig)(?<!cach)(?<!objec)(?<!even)(?<!messag)[a-z]Key\b))"
)
# How a value stands after a name that tells: quoted, quoted within JSON that is itself a string, a list, or bare.
_VALUE = (
    r"""(\"{3}.*?(?:\"{3}|$)|b?"(?:[^"\\]|\\.)*"?|b?'(?:[^'\\]|\\.)*'?"""
    r"""|(?P<quote>\\{1,7}["']).*?(?:(?<!\\)(?P=quote)|$)|\[[^\]]{0,2000}\]?|[^\s,;&"'}\])\\]+)"""
)
# FOO_API_KEY=…, "password": "…", {\"token\": \"…\"}, Authorization: Basic …
_ASSIGNMENT = r"""[\w.-]{0,30}\\{0,7}["']?\s{0,3}(?:=>|:=|[=:])"""
_ASSIGNED = re.compile(rf"(?i)({_REVEALING_WORDS}{_ASSIGNMENT}\s{{0,3}}(?:(?:basic|bot|bearer|token)\s+)?){_VALUE}")
# All of a header's value: it may have blanks and several parts. Also as a pair, as frameworks print them.
_HEADER = re.compile(
    r"""(?i)(\b(?:(?:proxy-)?authorization|(?:set-)?cookie|x-(?:api-key|auth-token|goog-api-key|csrf-token)))"""
    r"""(\\{0,7}["']?\s{0,3}[:,]\s{0,3})(?:(b?\\{0,7}["'])(.*?)(?<!\\)(?:\\{0,7}["'])|(?!b?\\{0,7}["'])((?:[^\n"'=]|=(?:"[^"\n]*")?)+))"""
)
_SCHEME = re.compile(r"(?i)(?:basic|bearer|bot|token)\s+")
_OPTION = re.compile(rf"(?i)((?<![\w-])--?[\w-]{{0,40}}{_REVEALING_WORDS}[\w-]{{0,20}}\s{{1,3}})(?!-)(\S+)")
_SHAPES = re.compile(
    r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|(?<=/ws/)[^\s\"'?]+"
    r"|(?i:(?<=bearer )(?!(?:tokens?|auth\w*|scheme|header|of|is|in|was|and|or|the|not|realm|error)(?![\w.~+/=-]))"
    r"[^\s\"'\\,;]+)"
    r"|(?<=client_id=)[\w-]+"
    r"|(?<=://)[^\s/@:\"'[]{0,100}:(?!\d{0,5}[/?#])[^\s\"']{1,200}(?=@)"  # of an address; a password may have @ and /
    r"|(?<=://)[^\s/@:\"'.]{16,200}(?=@)"  # a token in the place of the user
    r"|(?i:(?<=[?&](?:key|sig)=)[^\s&\"'\\]+|(?<=[?&]signature=)[^\s&\"'\\]+|(?<=x-amz-signature=)\w+)"
    # OpenAI, Slack, Stripe …; by their own, words: pk_user_sessions is a constraint.
    r"|\b(?:xox[a-z]|xapp|gsk|pplx|glpat|whsec|nvapi)[-_][\w-]{8,}"
    r"|\b(?:sk|wk|rk|xai|pk_(?:live|test)|pk-lf)[-_](?=[\w-]*[\dA-Z]|[a-z]{16})[\w-]{8,}"
    r"|\bdckr_pat_[\w-]{20,}|\bhv[sbr]\.[\w-]{20,}|\bpat[A-Za-z\d]{14}\.[a-f\d]{64}"
    r"|(?<=[Bb]asic )(?=\S*[a-z])(?=\S*[A-Z])(?=\S*[\d=])[A-Za-z\d+/]{8,}={0,2}(?!\S)"
    r"|(?i:\b(?:with|encrypted) password|\bidentified by) '[^'\n]*'|(?<= -u )(?![\d:]+(?:\s|$))[\w.@-]+:[^\s\"']+"
    r"|\b(?:gh[pousr]_[A-Za-z\d]{20,}|github_pat_\w{20,}|npm_[A-Za-z\d]{30,}|pypi-Ag[\w-]{20,}|hf_[A-Za-z\d]{20,}"
    r"|r8_[A-Za-z\d]{20,}|dop_v1_[a-f\d]{40,}|shp(?:at|ss)_[a-fA-F\d]{20,}|A(?:KIA|SIA)[A-Z\d]{16}|AIza[\w-]{30,}"
    r"|ya29\.[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|AGE-SECRET-KEY-1\w{20,})"
    r"|(?<!\d)\d{5,12}:AA[\w-]{20,}|(?<![\w.:-])\d{8,12}:[\w-]{35}(?![\w-])"  # a Telegram bot's
    r"|(?<![\w-])[MNO][A-Za-z\d_-]{23,27}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27,45}|\bmfa\.[\w-]{60,}"  # Discord's
    r"|(?<=/api/webhooks/)\d+/[\w-]+|(?<=hooks\.slack\.com/)[\w/-]+"
)
_BEGIN = re.compile(r"-----BEGIN [A-Z\d ]*PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z\d ]*PRIVATE KEY(?: BLOCK)?-----")
# Key material whose first line is not there, as where a log is read from its end: whole lines of base64, in both cases.
_BASE64_LINE = re.compile(r"(?m)^(?=[^\n]*[a-z])(?=[^\n]*[A-Z])(?=[^\n]*\d)[^\S\n]*[A-Za-z\d+/]{60,76}={0,2}[^\S\n]*$")
# What each of them needs at the least, for RE2, which looks for all of it at once.
_SOME_WORD = r"(?:secret|token|passw|passphrase|pwd|credential|auth|cookie|key|pass|we_session|we_admin|we_claim)"
_SOME_ASSIGNED = rf"(?i:{_SOME_WORD}{_ASSIGNMENT})"
_SOME_OPTION = rf"(?i:-[\w-]*{_SOME_WORD}[\w-]*\s)"
_SOME_HEADER = r"(?i:authorization|cookie|x-api-key|x-auth-token|x-goog-api-key|x-csrf-token)"
_SOME_SHAPE = (
    r"(?i:bearer |basic |://[^\s]*@| -u |password '|identified by"
    r"|/webhooks/|hooks\.slack|/ws/|client_id=|sig=|signature=|[?&]key=)"
    r"|eyJ[\w-]{5}|\d:[\w-]{22}|mfa\.|[MNO][\w-]{23,27}\.[\w-]{6}\."
    r"|\b(?:sk|wk|rk|pk|xox[a-z]|xapp|gsk|xai|pplx|glpat|whsec|nvapi|dckr)[-_][\w-]{8}|\bhv[sbr]\.|\bpat\w{14}\."
    r"|\b(?:gh[pousr]_|github_pat_|npm_|pypi-|hf_|r8_|dop_v1_|shp|AKIA|ASIA|AIza|ya29|SG\.|AGE-SECRET)"
)
_SOME_BASE64 = r"[A-Za-z\d+/]{60}"


def _any_of(*parts: str) -> "re2._Regexp[str]":
    options = re2.Options()
    options.never_capture = True
    return re2.compile("|".join(parts), options)


_HAS_ANY = _any_of(_SOME_ASSIGNED, _SOME_OPTION, _SOME_HEADER, _SOME_SHAPE, _SOME_BASE64, "PRIVATE KEY")
_HAS_ASSIGNED, _HAS_OPTION = _any_of(_SOME_ASSIGNED), _any_of(_SOME_OPTION)
_HAS_HEADER, _HAS_SHAPE, _HAS_BASE64 = _any_of(_SOME_HEADER), _any_of(_SOME_SHAPE), _any_of(_SOME_BASE64)
# What language models are asked and billed for; a number of them is no secret.
_COUNTED = re.compile(r"(?i)tokens|token[_-]?(?:count|limit|budget|usage|length)|max[_-]?token")
# What is configuration and never a secret; every other value of a container's environment is kept back.
_HARMLESS_NAMES = frozenset(
    {
        *("PATH", "HOME", "HOSTNAME", "LANG", "LANGUAGE", "LC_ALL", "TZ", "TERM", "PORT", "DEBUG", "ENVIRONMENT"),
        *("LOG_LEVEL", "LOG_FORMAT", "HEALTH_CHECK_PORT", "HEALTH_CHECK_HOST", "DISCORD_BOT_NAME", "CHARACTER_FILE"),
        *("PYTHONUNBUFFERED", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHON_VERSION", "GPG_KEY", "BOT_NAME"),
        *(
            "LLM_CHAT_MODEL",
            "LLM_MODEL_NAME",
            "EMBEDDING_MODEL",
            "QDRANT_HOST",
            "QDRANT_PORT",
            "QDRANT_COLLECTION_NAME",
        ),
        *("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "REDIS_HOST", "REDIS_PORT"),
    }
)


# What a name says about a secret instead of holding one: token_type, AUTH_MODE, AuthenticationError.
_ABOUT = re.compile(
    r"""(?i)(?:[_-]?(?:types?|modes?|methods?|schemes?|polic(?:y|ies)|length|required|enabled|status|backend|provider"""
    r"""|algorithm|expires?(?:[_-]?(?:at|in))?|ttl|count)|(?:Error|Exception|Failure|Warning))[\\"'\s]*[:=]\W*$"""
)
# What stands in place of a secret that is not there.
_STATES = (
    *(
        "absent",
        "accepted",
        "changed",
        "denied",
        "disabled",
        "empty",
        "enabled",
        "expired",
        "failed",
        "failure",
        "false",
    ),
    *("granted", "hidden", "incorrect", "invalid", "missing", "no", "none", "null", "off", "ok", "on", "optional"),
    *("present", "rejected", "required", "reset", "set", "success", "true", "undefined", "unknown", "unset", "valid"),
    *("wrong", "yes"),
)
_STATE_OF_HEADER = re.compile(rf"(?:{'|'.join(_STATES)})(?: [a-z]+)*\.?")
# A sentence after a colon: a word of letters, and another one that names nothing. Passwords may be words, too.
_SENTENCE = re.compile(r"[A-Za-z]{1,15}(?=[ ,]+[A-Za-z']+(?:[ .,!?;]|$))")
_PASSWORD_SENTENCE = re.compile(
    r"(?:must|is|was|has|should|cannot|can|does|did|do|and|or|for|not|too|the|a|an|of|to|needs?)(?= [a-z])",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?i)pass|pwd")


def mask_secrets(text: str) -> str:
    """The same text with tokens, passwords, keys and the credentials of addresses masked."""
    seen = text.encode(errors="replace")
    if _HAS_ANY.search(seen) is None:
        return text
    if "PRIVATE KEY" in text:
        text = "\n".join(_without_keys(text.split("\n")))
    if _HAS_BASE64.search(seen) is not None:
        text = _BASE64_LINE.sub(MASK, text)
    if _HAS_HEADER.search(seen) is not None:
        text = _HEADER.sub(_masked_header, text)
    if _HAS_SHAPE.search(seen) is not None:
        text = _SHAPES.sub(MASK, text)
    if _HAS_ASSIGNED.search(seen) is not None:
        text = _ASSIGNED.sub(_masked_value, text)
    if _HAS_OPTION.search(seen) is not None:
        text = _OPTION.sub(rf"\1{MASK}", text)
    return text


class Masker:
    """Masks the lines of one stream in their order: a private key takes several of them."""

    def __init__(self) -> None:
        self._is_in_key = False

    def __call__(self, line: str) -> str:
        """One line, masked."""
        if not self._is_in_key and "PRIVATE KEY" not in line:
            return mask_secrets(line)
        masked, self._is_in_key = _without_key(line, is_in_key=self._is_in_key)
        return mask_secrets(masked)


def mask_lines(lines: Iterable[str]) -> list[str]:
    """Lines that follow each other, masked."""
    masker = Masker()
    return [masker(line) for line in lines]


def is_harmless_name(name: str) -> bool:
    """Whether the value of this environment variable may be shown."""
    return name in _HARMLESS_NAMES


def _without_keys(lines: Iterable[str]) -> list[str]:
    found, is_in_key = [], False
    for line in lines:
        masked, is_in_key = _without_key(line, is_in_key=is_in_key)
        found.append(masked)
    return found


def _without_key(line: str, *, is_in_key: bool) -> tuple[str, bool]:
    """A line without what of it is a private key, and whether the key goes on in the next one."""
    end = _END.search(line)
    if is_in_key:
        if end is None:
            # What is surely no part of a key ends one whose end never came: a cut log must not stay dark.
            is_over = len(line) > 100 or len(line.split()) > 3
            return (line, False) if is_over else (MASK, True)
        line = MASK + line[end.end() :]
    begin = _BEGIN.search(line)
    if begin is None:
        return line, False
    end = _END.search(line, begin.end())
    if end is None:
        return line[: begin.start()] + MASK, "\\n" not in line[begin.end() :]
    rest, is_open = _without_key(line[end.end() :], is_in_key=False)
    return line[: begin.start()] + MASK + rest, is_open


def _masked_header(found: re.Match[str]) -> str:
    opening = found[3] or ""
    closing = opening.removeprefix("b")
    if not opening and _STATE_OF_HEADER.fullmatch(found[5] or ""):
        return found[0]
    scheme = _SCHEME.match(found[4] or found[5] or "")
    return f"{found[1]}{found[2]}{opening}{scheme[0] if scheme else ''}{MASK}{closing}"


def _masked_value(found: re.Match[str]) -> str:
    value, name = found[2], found[1]
    plain = value.strip("\"'\\b") if value[0] in "b\"'\\" else value
    if plain == "" or plain.lower() in _STATES or plain.startswith(MASK[:-1]) or _ABOUT.search(name):
        return found[0]
    if name.endswith(": "):
        sentence = _PASSWORD_SENTENCE if _PASSWORD.search(name) else _SENTENCE
        if sentence.match(found.string, found.start(2)):
            return found[0]
    if plain.isdigit() and len(plain) < 6 and not _PASSWORD.search(name) and "[" not in name:
        return found[0]
    if plain.replace(".", "").isdigit() and _COUNTED.search(found.string[max(0, found.start() - 4) : found.end(1)]):
        return found[0]
    opening = found["quote"] or (
        value[: 2 if value[0] == "b" else 1] if value[0] in "b\"'" and value[-1] in "\"'" else ""
    )
    return f"{found[1]}{opening}{MASK}{opening.removeprefix('b')}"

"""Patterns that operators write: RE2's, matched in time that grows with the text, whatever the pattern."""

import re2

MAX_PATTERN_CHARS = 2_000
MAX_PATTERN_BYTES = 1 << 20


def compiled_pattern(pattern: str) -> "re2._Regexp[str]":
    """One pattern for whole texts; upper and lower case are the same.

    Raises: ValueError, with what is wrong with it.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"at most {MAX_PATTERN_CHARS} characters")
    options = re2.Options()
    options.max_mem = MAX_PATTERN_BYTES
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = False
    try:
        return re2.compile(f"(?s){pattern}", options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"not a pattern: {reason}") from None

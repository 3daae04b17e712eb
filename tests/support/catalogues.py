"""What stands in the code for people to read, and the catalogues of the other languages, with what the product reads of
them: ``./web-ui.sh messages``.
"""

import ast
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from chat_api.core import errors
from chat_api.core.language import ENGLISH, LANGUAGES, LOCALE

ROOT = Path(__file__).resolve().parents[2]
TRANSLATED = sorted(LANGUAGES.keys() - {ENGLISH})
SOURCES = ("chat_api", "console", "models", "assets")
NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)  # git knows better
# Whose texts the browser's code shows.
OF_BROWSER = (
    "assets/",
    "console/labels",
    "console/bot_words",
    "console/demo_engine",
    "chat_api/fleet/dependencies",
    "chat_api/fleet/health.py",
    "chat_api/fleet/queues",
    "chat_api/fleet/root_cause",
)
# An error translates a message that is given to it as it stands.
ERRORS = [name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.AppError)]
KEYWORDS: dict[str, Any] = {"_": None, "N_": None, "ngettext": (1, 2), **dict.fromkeys(ERRORS)}
# Without dates and names, which git knows better.
HEADER = """\
msgid ""
msgstr ""
"Language: {code}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: {plural}\\n"

"""

_LITERAL = r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_IN_BROWSER = re.compile(rf"(?<![\w.])(n?)t\(\s*{_LITERAL}(?:\s*,\s*{_LITERAL})?")
PLACEHOLDER = re.compile(r"\{(\w+)[^}]*\}")


def extracted() -> Catalog:
    """Every marked text of the code, with the files that it stands in."""
    catalogue = Catalog(charset="utf-8")
    methods = [
        ("**.py", "tests.support.catalogues:of_python_code"),
        ("**.js", "tests.support.catalogues:of_browser_code"),
    ]
    for folder in SOURCES:
        found = extract_from_dir(ROOT / folder, methods, keywords=KEYWORDS)
        for file, _line, text, _comments, context in sorted(found, key=lambda one: one[:2]):
            catalogue.add(text, None, [(f"{folder}/{file}", 0)], context=context)
    return catalogue


def of_python_code(
    file: BinaryIO, keywords: Iterable[str], _comment_tags: Iterable[str], options: dict[str, Any]
) -> Iterator[tuple[int, str, list[str], list[str]]]:
    """The texts of a module; babel's own reading leaves out what stands in an f-string."""
    tree = ast.parse(file.read())
    yield from _of_settings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in keywords:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if texts:
                yield node.lineno, node.func.id, texts, []


def _of_settings(tree: ast.Module) -> Iterator[tuple[int, str, list[str], list[str]]]:
    """The descriptions of settings, which the Settings page shows; where they stand they need no mark."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "BaseSettings" for base in node.bases):
            for field in ast.walk(node):
                if isinstance(field, ast.keyword) and field.arg == "description":
                    yield field.value.lineno, "_", [ast.literal_eval(field.value)], []


def of_browser_code(
    file: BinaryIO, _keywords: Iterable[str], _comment_tags: Iterable[str], options: dict[str, Any]
) -> Iterator[tuple[int, str | None, Any, list[str]]]:
    """The texts of a script: ``t("…")`` and ``nt("…", "…", count)``, also where they stand in a template."""
    source = file.read().decode()
    for call in _IN_BROWSER.finditer(source):
        line = source.count("\n", 0, call.start()) + 1
        one = _unquoted(call[2])
        yield (line, "ngettext", (one, _unquoted(call[3])), []) if call[1] else (line, None, one, [])


def faults(message: Message) -> list[str]:
    """What is wrong with a translation; nothing when it can be shown."""
    forms = _forms(message.string)
    originals = _forms(message.id)
    known = {name for one in originals for name in PLACEHOLDER.findall(one)}
    found = []
    if message.fuzzy or not all(forms):
        found.append("is not translated")
    if any(not set(PLACEHOLDER.findall(form)) <= known for form in forms):
        found.append("has a placeholder that nothing fills")
    if not message.pluralizable and forms[0] and set(PLACEHOLDER.findall(forms[0])) != known:
        found.append("lacks a placeholder")
    return found


def path_of(code: str) -> Path:
    """Where a language's texts are translated."""
    return LOCALE / code / "LC_MESSAGES" / "messages.po"


def read(code: str) -> Catalog:
    """A language's catalogue as it is kept."""
    with path_of(code).open("rb") as file:
        return read_po(file, locale=code)


def compiled(code: str) -> dict[Path, bytes]:
    """What the product reads, made from a catalogue: all of it for gettext, and the browser's part as a script."""
    catalogue, of_gettext = read(code), io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = NO_DATE
    write_mo(of_gettext, catalogue)
    texts = {
        _forms(one.id)[0]: list(_forms(one.string)) if one.pluralizable else one.string
        for one in catalogue
        if one.id and any(file.startswith(OF_BROWSER) for file, _line in one.locations)
    }
    script = f"globalThis.weCatalogue = {json.dumps(texts, ensure_ascii=False, indent=0)};\n"
    return {
        path_of(code).with_suffix(".mo"): of_gettext.getvalue(),
        ROOT / "assets" / "locale" / f"{code}.js": script.encode(),
    }


def update() -> Iterator[str]:
    """Bring every catalogue up to the code, and say how many translations each lacks. Nothing is guessed."""
    found = extracted()
    for code in TRANSLATED:
        path = path_of(code)
        catalogue = read(code) if path.exists() else Catalog(locale=code, charset="utf-8")
        catalogue.update(found, no_fuzzy_matching=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(HEADER.format(code=code, plural=catalogue.plural_forms).encode())
            write_po(file, catalogue, sort_output=True, ignore_obsolete=True, omit_header=True, include_lineno=False)
        for made, content in compiled(code).items():
            made.parent.mkdir(exist_ok=True)
            made.write_bytes(content)
        lacking = sum(bool(message.id and faults(message)) for message in catalogue)
        yield f"{code}: {len(catalogue)} texts, {lacking} of them to be translated: {path.relative_to(ROOT)}"


def _forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def _unquoted(literal: str | None) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1]) if literal else ""


if __name__ == "__main__":
    for line in update():
        sys.stdout.write(line + "\n")

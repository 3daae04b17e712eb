"""The folder that an instance keeps everything in, and the key in it; what is wrong with them is said in a sentence."""

import os
import secrets
from pathlib import Path

from chat_api.core.errors import Conflict
from chat_api.core.settings import is_strong_secret

SECRET_KEY_FILE = "secret_key"  # noqa: S105  # its name
OTHERS = 0o007


class StateDirUnusable(Conflict):
    """The state directory is no directory, or not ours to write to."""

    code = "state_dir_unusable"


class SecretKeyUnusable(Conflict):
    """The kept key is not there as we made it: who signs with it is not known."""

    code = "secret_key_unusable"


def prepare_state_dir(path: Path) -> None:
    """Make the state directory if there is none. Raises: StateDirUnusable, with what to do."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_usable = os.access(path, os.R_OK | os.W_OK | os.X_OK)
    except FileExistsError:
        raise StateDirUnusable(
            f"The state directory {path} is a file. Move it away, or set WEB_UI_STATE_DIR to a directory."
        ) from None
    except OSError as error:
        raise StateDirUnusable(
            f"The state directory {path} cannot be made: {error.strerror}. Set WEB_UI_STATE_DIR to another one."
        ) from None
    if not is_usable:
        raise StateDirUnusable(
            f"The state directory {path} cannot be written to. Give it to the account that runs this,"
            " or set WEB_UI_STATE_DIR to another one."
        )


def unusable_part(error: OSError, state_dir: Path) -> StateDirUnusable | None:
    """What to say when something in the state directory is not as we made it; ``None`` for any other error."""
    if error.filename is None or not Path(error.filename).resolve().is_relative_to(state_dir.resolve()):
        return None
    return StateDirUnusable(
        f"The state directory cannot be used: {error.filename}: {error.strerror}."
        " Move it away or give it to the account that runs this, or set WEB_UI_STATE_DIR to another directory."
    )


def persistent_secret(state_dir: Path) -> str:
    """The key that is kept in the state directory, made when there is none.

    Raises: StateDirUnusable, SecretKeyUnusable, with what to do.
    """
    prepare_state_dir(state_dir)
    path = state_dir / SECRET_KEY_FILE
    if not os.path.lexists(path):
        try:
            _make(path)
        except OSError as error:
            raise StateDirUnusable(f"The secret key file {path} cannot be made: {error.strerror}.") from None
    return kept_secret(path)


def kept_secret(path: Path) -> str:
    """The key in a file. Raises: SecretKeyUnusable when it is not one that we could have made."""
    anew = "Restore it from a backup, or delete it: a new key is made at the next start, and everybody signs in again."
    try:
        secret = path.read_text(encoding="ascii").strip()
        mode = path.stat().st_mode
    except UnicodeDecodeError:
        raise SecretKeyUnusable(f"The secret key file {path} holds no key. {anew}") from None
    except OSError as error:
        raise SecretKeyUnusable(
            f"The secret key file {path} cannot be read: {error.strerror}. Make it a file that the account which runs"
            " this can read, or set WEB_UI_SECRET_KEY."
        ) from None
    if not secret:
        raise SecretKeyUnusable(f"The secret key file {path} is empty. {anew}")
    if not is_strong_secret(secret) or not secret.isprintable():
        raise SecretKeyUnusable(f"The secret key file {path} holds no key. {anew}")
    if mode & OTHERS:
        raise SecretKeyUnusable(
            f"The secret key file {path} is open to every account of this machine. Run: chmod 600 {path}"
        )
    return secret


def _make(path: Path) -> None:
    # Written aside and linked, so that two processes that start at once agree on one complete key; and written out
    # before, so that a machine that loses its power leaves no empty one.
    candidate = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(descriptor)
        os.link(candidate, path)
    except FileExistsError:
        pass
    finally:
        candidate.unlink()

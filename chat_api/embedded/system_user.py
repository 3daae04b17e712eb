"""An account for PostgreSQL when we are root: it refuses to run as root, and its files may lie under ``/root``.

The account gets the right to pass through the folders above its files and nothing more: one entry in each folder's
access list, or, where the file system keeps no lists, the folder's "others may pass" bit.
"""

import contextlib
import errno
import fcntl
import os
import pwd
import stat
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

ACCOUNT = "whisperengine-pg"
_ACL_ATTRIBUTE = "system.posix_acl_access"
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20  # Source: linux/posix_acl.h
_NO_ID = 0xFFFFFFFF
_SEARCH = 0o1


def unprivileged_user() -> pwd.struct_passwd | None:
    """The account that a server which refuses root runs as, made when absent; None when we are not root."""
    if os.geteuid() != 0:
        return None
    with _alone_on_this_machine(), contextlib.suppress(FileNotFoundError):  # a system without useradd
        if not _is_known():
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
            subprocess.run(command, check=False, capture_output=True)
    if _is_known():
        return pwd.getpwnam(ACCOUNT)
    return pwd.getpwnam("nobody")


@contextlib.contextmanager
def _alone_on_this_machine() -> Iterator[None]:
    """Of several useradd for one name each may succeed, and the last one gives the account another number."""
    folder = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _is_known() -> bool:
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        return False
    return True


def trusted_uids() -> frozenset[int]:
    """The accounts whose private folders we may use: our own, and as root the one made for PostgreSQL."""
    uids = {os.geteuid()}
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            uids.add(pwd.getpwnam(ACCOUNT).pw_uid)
    return frozenset(uids)


def give(folder: Path, user: pwd.struct_passwd | None) -> None:
    """Make ``folder`` and all in it belong to ``user`` (unless it does), and let the user reach it."""
    if user is None:
        return
    if folder.stat().st_uid != user.pw_uid:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    allow_reaching(folder, user)


def allow_reaching(path: Path, user: pwd.struct_passwd | None) -> None:
    """Let ``user`` pass through every folder above ``path``."""
    if user is None:
        return
    for folder in path.resolve().parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            _allow_passing(folder, user.pw_uid)


def _allow_passing(folder: Path, uid: int) -> None:
    entries = _access_list(folder)
    entries[(_USER, uid)] = entries.get((_USER, uid), 0) | _SEARCH
    entries[(_MASK, _NO_ID)] = entries.get((_MASK, _NO_ID), entries[(_GROUP_OBJ, _NO_ID)]) | _SEARCH
    packed = b"".join(struct.pack("<HHI", tag, entries[tag, who], who) for tag, who in sorted(entries))
    try:
        os.setxattr(folder, _ACL_ATTRIBUTE, struct.pack("<I", 2) + packed)
    except OSError as exc:
        if exc.errno != errno.ENOTSUP:
            raise
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)


def _access_list(folder: Path) -> dict[tuple[int, int], int]:
    """The folder's access list as {(tag, id): rights}, from its mode when it has none."""
    try:
        packed = os.getxattr(folder, _ACL_ATTRIBUTE)[4:]
    except OSError:
        mode = folder.stat().st_mode
        return {
            (_USER_OBJ, _NO_ID): mode >> 6 & 7,
            (_GROUP_OBJ, _NO_ID): mode >> 3 & 7,
            (_OTHER, _NO_ID): mode & 7,
        }
    return {(tag, who): rights for tag, rights, who in struct.iter_unpack("<HHI", packed)}

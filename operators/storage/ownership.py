"""Who besides the calling user can change what is at a path.

Only root and the user may own it or a folder on the way to it, and only they may write there. A folder on
the way may be written by everyone if its sticky bit is set, as that of the temporary folder is: nobody can
rename there what others own. A group of which the user is the only member counts as the user.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

_ACL = "system.posix_acl_access"


def writers_on_path(path: Path) -> str | None:
    """Tell who else could put another thing in the place of a path, and the remedy; None if nobody can.

    The folders above it are looked at, and links among them; not the path itself.
    """
    above = Path(os.path.abspath(path)).parent
    links = [one for one in reversed((above, *above.parents)) if one.is_symlink()]
    real = above.resolve()
    checks = [
        *(_owner(one) for one in links),
        *(_owner(one) or _writer(one, sticky=True) for one in reversed((real, *real.parents))),
    ]
    return next((fault for fault in checks if fault), None)


def writers_in(path: Path) -> str | None:
    """Tell who else could change a file, or a folder and anything in it, and the remedy; None if nobody can.

    It must belong to the calling user. Raises OSError for a path that is not there.
    """
    real = path.resolve(strict=True)
    if os.stat(real).st_uid != os.geteuid():
        return f"{real} belongs to {user_name(os.stat(real).st_uid)}: copy it to a folder of your own"
    fault = writers_on_path(real)
    return fault or next((found for one in _everything(real) if (found := _owner(one) or _writer(one))), None)


def user_name(uid: int) -> str:
    """Return a user's name, the number of a user without one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _everything(real: Path) -> Iterator[Path]:
    yield real
    if not real.is_dir():
        return
    for folder, folders, files in os.walk(real, onerror=_raise):
        yield from (Path(folder, name) for name in (*folders, *files))


def _raise(error: OSError) -> None:
    raise error


def _owner(path: Path) -> str | None:
    owner = os.lstat(path).st_uid
    if owner in (0, os.geteuid()):
        return None
    return f"{path} belongs to {user_name(owner)}, who can change it: copy it to a folder of your own"


def _writer(path: Path, *, sticky: bool = False) -> str | None:
    status = os.lstat(path)
    mode = status.st_mode
    if stat.S_ISLNK(mode) or (sticky and mode & stat.S_ISVTX):
        return None
    if mode & stat.S_IWOTH:
        return f"{path} is writable by everyone: chmod o-w {path}"
    if mode & stat.S_IWGRP and not _is_private(path, status.st_gid):
        return f"{path} is writable by group {_group_name(status.st_gid)}: chmod g-w {path}"
    return None


def _is_private(path: Path, gid: int) -> bool:
    """Tell whether a group is the user's own, and its bits do not stand for an access list of others."""
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    mine = user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
    others = any(one.pw_gid == gid and one.pw_uid != user.pw_uid for one in pwd.getpwall())
    return mine and not others and not _has_access_list(path)


def _has_access_list(path: Path) -> bool:
    try:
        return _ACL in os.listxattr(path, follow_symlinks=False)
    except OSError:  # a file system without them
        return False


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)

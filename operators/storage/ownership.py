"""Checks that only the calling user and root can change a file or folder.

Only root and the user may own the path and its parent folders, and only they may write to them. Everyone may
write to a parent folder if its sticky bit is set, as in the temporary folder: there, users cannot rename the
files of other users. A group whose only member is the user counts as the user.
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
    """Return who else can replace a path, with the remedy; None if nobody can.

    Checks the parent folders and links among them, not the path itself.
    """
    parent = Path(os.path.abspath(path)).parent
    links = [folder for folder in reversed((parent, *parent.parents)) if folder.is_symlink()]
    real = parent.resolve()
    checks = [
        *(_fault_of_owner(link) for link in links),
        *(
            _fault_of_owner(folder) or _fault_of_mode(folder, sticky=True)
            for folder in reversed((real, *real.parents))
        ),
    ]
    return next((fault for fault in checks if fault), None)


def writers_in(path: Path) -> str | None:
    """Return who else can change a file, or a folder and its contents, with the remedy; None if nobody can.

    The path must belong to the calling user. Raises OSError if it does not exist.
    """
    real = path.resolve(strict=True)
    if os.stat(real).st_uid != os.geteuid():
        return f"{real} belongs to {user_name(os.stat(real).st_uid)}: copy it to a folder of your own"
    fault = writers_on_path(real)
    if fault:
        return fault
    faults = (_fault_of_owner(inner) or _fault_of_mode(inner) for inner in _paths_in(real))
    return next((fault for fault in faults if fault), None)


def user_name(uid: int) -> str:
    """Return the name of a user, or `user 1000` for the number 1000 without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _paths_in(real: Path) -> Iterator[Path]:
    yield real
    if not real.is_dir():
        return
    for folder, folders, files in os.walk(real, onerror=_raise):
        yield from (Path(folder, name) for name in (*folders, *files))


def _raise(error: OSError) -> None:
    raise error


def _fault_of_owner(path: Path) -> str | None:
    owner = os.lstat(path).st_uid
    if owner in (0, os.geteuid()):
        return None
    return f"{path} belongs to {user_name(owner)}, who can change it: copy it to a folder of your own"


def _fault_of_mode(path: Path, *, sticky: bool = False) -> str | None:
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
    """Return whether the user is the group's only member, and the path has no access list.

    With an access list, the group bits of the mode are the mask of the list.
    """
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    is_own_group = (
        user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
    )
    has_other_members = any(one.pw_gid == gid and one.pw_uid != user.pw_uid for one in pwd.getpwall())
    return is_own_group and not has_other_members and not _has_access_list(path)


def _has_access_list(path: Path) -> bool:
    try:
        return _ACL in os.listxattr(path, follow_symlinks=False)
    except OSError:  # a file system without extended attributes
        return False


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)

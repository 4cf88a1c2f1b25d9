"""Reads numpy's files of arrays, npy and npz, for memory in proportion to the file.

What a file declares, the shape of an array or the size of a member, is checked against the bytes that there
are before memory is allocated for it. Nothing is unpickled.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

Array = NDArray[Any]
# Deflated members may become this large, or larger if they are not deflated to less than a twentieth.
_ALWAYS = 2**26
_HIGHEST_RATIO = 20
_MOST_MEMBERS = 10_000
# The errors of Python's parser of literals, besides ValueError.
_LITERAL_ERRORS = (SyntaxError, TokenError, TypeError, RecursionError, MemoryError)
_READ_MAGIC: Any = npy.read_magic
_HEADERS: dict[tuple[int, int], Any] = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npy(path: Path) -> Array:
    """Read an npy file.

    Raises OSError if the file cannot be read, ValueError for other files, for arrays of objects, and for a
    shape that the file's bytes do not have.
    """
    return _array(path.read_bytes())


def read_npz(path: Path) -> dict[str, Array]:
    """Read the arrays of an npz file by their names.

    Raises OSError and ValueError as `read_npy`. The arrays together may be 20 times as large as the file, or
    64 MiB; `numpy.savez` does not deflate them.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(members, path.stat().st_size)
            return {member.filename.removesuffix(".npy"): _member(archive, member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(str(error)) from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    # Without a length, a read inflates everything, also what is longer than declared.
    with archive.open(member) as file:
        return _array(file.read(member.file_size))


def _check_members(members: list[zipfile.ZipInfo], file_size: int) -> None:
    if len(members) > _MOST_MEMBERS:
        raise ValueError(f"it has {len(members)} arrays; at most {_MOST_MEMBERS} are supported")
    size, most = sum(member.file_size for member in members), max(_ALWAYS, _HIGHEST_RATIO * file_size)
    if size > most:
        raise ValueError(f"its arrays have {size} bytes; a file of {file_size} bytes may have {most}")
    for member in members:
        # Other methods inflate without a limit.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename[:100]!r} is neither stored nor deflated, as numpy does")


def _array(data: bytes) -> Array:
    file = io.BytesIO(data)
    version = _READ_MAGIC(file)
    if version not in _HEADERS:
        raise ValueError(f"it has version {version} of the npy format; supported are 1.0 and 2.0")
    try:
        shape, is_fortran, dtype = _HEADERS[version](file)
    except _LITERAL_ERRORS as error:
        raise ValueError(f"its header cannot be read: {error}") from None
    if dtype.hasobject:
        raise ValueError("it contains Python objects, which would run code when they are loaded")
    if any(type(size) is not int for size in shape):  # a bool is a number to numpy's check
        raise ValueError(f"its shape is {shape}")
    start = file.seek(0, io.SEEK_CUR)
    if min(shape, default=1) < 0 or prod(shape) * dtype.itemsize != len(data) - start:
        raise ValueError(f"its shape {shape} of {dtype} does not match its {len(data) - start} bytes")
    array: Array = np.frombuffer(data, dtype, offset=start) if prod(shape) else np.zeros(0, dtype)
    return array.reshape(shape, order="F" if is_fortran else "C")

"""Files of arrays that declare more than they contain: they are refused for little memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from detectors.array_files import read_npy, read_npz
from detectors.drift.alibi_detect_files import read_drift

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.asfortranarray(np.eye(3, dtype="<f4")), "c": np.zeros(0)}


def npy(shape: str, dtype: str = "'<f8'", body: bytes = b"") -> bytes:
    head = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + body


def npz(body: bytes, method: int = zipfile.ZIP_DEFLATED, members: int = 1) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for member in range(members):
            archive.writestr(f"{member}.npy", body)
    return file.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_as_they_were_written(tmp_path: Path, save: object) -> None:
    save(tmp_path / "x.npz", **ARRAYS)  # type: ignore[operator]
    read = read_npz(tmp_path / "x.npz")
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.save(tmp_path / "x.npy", array)
        for one in (read[name], read_npy(tmp_path / "x.npy")):
            assert one.dtype == array.dtype
            assert np.array_equal(one, array)


BOMBS = {
    "a shape of a terabyte": npy("(10**6, 131072)".replace("10**6", "1000000")),
    "a negative shape": npy("(-1,)"),
    "a shape that overflows": npy(f"({2**62}, {2**62})"),
    "objects": npy("(1,)", "'|O'", b"\0" * 8),
    "a dtype of a gigabyte": npy("(1,)", "'|V1000000000'"),
    "a nested dtype": npy("(1,)", "[('a', '<f8', (1000000, 1000))]"),
    "no literal": npy("(" * 60),
    "more than it declares": npy("(1,)", body=bytes(16)),
    "cut": npy("(2,)", body=bytes(8))[:-1],
    "another version": b"\x93NUMPY\x09\x00" + bytes(100),
    "empty": b"",
}


def peak_of_refusing(path: Path) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"."):
            (read_npz if path.suffix == ".npz" else read_npy)(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", BOMBS)
def test_an_array_that_declares_what_its_bytes_are_not_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.npy").write_bytes(BOMBS[name])
    (tmp_path / "x.npz").write_bytes(npz(BOMBS[name]))
    for file in ("x.npy", "x.npz"):
        assert peak_of_refusing(tmp_path / file) < 1_000_000


@pytest.mark.parametrize(
    ("method", "members"),
    [(zipfile.ZIP_DEFLATED, 5), (zipfile.ZIP_BZIP2, 1), (zipfile.ZIP_LZMA, 1), (zipfile.ZIP_STORED, 10_001)],
)
def test_arrays_that_inflate_too_far_are_refused(tmp_path: Path, method: int, members: int) -> None:
    body = bytes(100) if method == zipfile.ZIP_STORED else bytes(2**24)
    (tmp_path / "x.npz").write_bytes(npz(body, method, members))
    assert peak_of_refusing(tmp_path / "x.npz") < 20_000_000


def test_a_member_that_is_longer_than_it_declares_is_refused(tmp_path: Path) -> None:
    data = npz(bytes(2**26))
    (tmp_path / "x.npz").write_bytes(data.replace((2**26).to_bytes(4, "little"), (200).to_bytes(4, "little")))
    assert peak_of_refusing(tmp_path / "x.npz") < 5_000_000


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[categories_per_feature]\n" + "".join(f"{i} = 900000\n" for i in range(9)), "8,100,000 categories"),
        ("a = " + "[" * 100_000, "is not TOML"),
    ],
)
def test_a_drift_detector_that_declares_too_much_is_refused(
    tmp_path: Path, config: str, message: str
) -> None:
    (tmp_path / "config.toml").write_text(f"name = 'TabularDrift'\n{config}")
    np.save(tmp_path / "x_ref.npy", np.zeros((3, 9)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            read_drift(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(10**15, 0), (0,), ()])
def test_a_reference_without_values_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    (tmp_path / "config.toml").write_text("name = 'KSDrift'")
    (tmp_path / "x_ref.npy").write_bytes(npy(str(shape), body=b"" if shape else bytes(8)))
    with pytest.raises(ValueError, match="must contain rows of numbers"):
        read_drift(tmp_path)

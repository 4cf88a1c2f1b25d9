"""The one reader: what is in a file is what is trained and judged, and its notes list what was decided."""

from __future__ import annotations

import codecs
import gzip
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.data.cell_remedies import remedy
from jobs.data.column_values import is_code, number, plain
from jobs.data.feature_encoding import infer_features
from jobs.data.table_files import ReadTable, read_array, read_table
from jobs.data.table_format import TableFormat, words_of
from operators.core.errors import DeploymentError


def read(tmp_path: Path, text: str | bytes, form: TableFormat | None = None) -> ReadTable:
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, form or TableFormat())


# pandas' own list: `pandas.read_csv` makes each of them missing.
@pytest.mark.parametrize("word", sorted(pd._libs.parsers.STR_NA_VALUES - {""}))
def test_a_word_that_pandas_takes_as_missing_stays_a_word(tmp_path: Path, word: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"country,n\n{word},1\nDE,2\n")
    assert pd.read_csv(path)["country"].isna().tolist() == [True, False]
    table = read_table(path)
    assert table.frame["country"].tolist() == [word, "DE"]
    assert table.missing["country"] == {}


def test_the_empty_cell_and_a_question_mark_are_missing_and_counted(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n?,1\n,?\nx,\ny,3\n?,4\n")
    assert table.frame["a"].tolist() == [None, None, "x", "y", None]
    assert table.frame["b"].isna().tolist() == [False, True, True, False, False]
    assert table.missing == {"a": {"?": 2, "": 1}, "b": {"?": 1, "": 1}}


def test_words_that_mean_missing_can_be_named_instead(tmp_path: Path) -> None:
    form = TableFormat(missing_values=("NA", "-9"))
    table = read(tmp_path, "a,b\n?,-9\nNA,2\n,3\n", form)
    assert table.frame["a"].tolist() == ["?", None, None]
    assert table.frame["b"].tolist()[1:] == [2.0, 3.0]
    assert table.missing == {"a": {"NA": 1, "": 1}, "b": {"-9": 1}}


def test_a_remedy_for_missing_values_keeps_the_words_that_are_already_given(tmp_path: Path) -> None:
    """The remedy of each error, followed as printed, leads to a table of numbers."""
    text = "a\n" + "".join(f"{cell}\n" for cell in ("?", "n/a", "-", *range(200)))
    words: str | None = None
    for expected in ("?,n/a", "?,n/a,-"):
        form = TableFormat(missing_values=words_of(words))
        with pytest.raises(DeploymentError) as caught:
            infer_features(read(tmp_path, text, form).frame, numeric=["a"], form=form)
        words = str(caught.value).partition("--missing-values ")[2].strip("'")
        assert words == expected
    column = read(tmp_path, text, TableFormat(missing_values=words_of(words))).frame["a"]
    # pandas reads the same words as missing.
    assert column.equals(pd.read_csv(tmp_path / "t.csv", na_values=["?", "-"])["a"])


@pytest.mark.parametrize(
    ("decimal", "text", "options"),
    [
        (".", "1,575.44", "remove the thousands separators"),
        (".", "1,234,567", "remove the thousands separators"),
        (".", "1 234 567", "remove the thousands separators"),
        (".", "1.575,44", "remove the thousands separators, and use --decimal ,"),
        (",", "1.575,44", "remove the thousands separators"),
        (",", "1,575.44", "remove the thousands separators, and use --decimal ."),
        (".", "1,234", "if ',' separates thousands, remove it; if it is a decimal mark, use --decimal ,"),
        (",", "1.234", "if '.' separates thousands, remove it; if it is a decimal mark, use --decimal ."),
        (".", "1,5", "if it is a decimal number, use --decimal ,"),
        (",", "1.5", "if it is a decimal number, use --decimal ."),
        (".", "n/a", "if it means missing, use --missing-values '?,n/a'"),
    ],
)
def test_a_remedy_names_thousands_separators_and_the_other_decimal_mark(
    decimal: str, text: str, options: str
) -> None:
    assert remedy(text, TableFormat(";", decimal)) == f"; {options}"


def test_a_point_beside_decimal_commas_is_noted(tmp_path: Path) -> None:
    table = read(tmp_path, "a;b\n1,5;1,5\n1.234;2,5\n", TableFormat(";", ","))
    assert table.notes == [
        "column 'a' is read as words: it has 1 number with a point, '1.234' (in row 1, counted from 0); "
        "if '.' separates thousands, remove it; if it is a decimal mark, use --decimal ."
    ]


@pytest.mark.parametrize("code", ["01234", "007", "00", "-01", "000123.40"])
def test_codes_keep_their_leading_zero(tmp_path: Path, code: str) -> None:
    table = read(tmp_path, f"zip,n\n{code},1\n12345,2\n")
    assert table.frame["zip"].tolist() == [code, "12345"]
    assert len(table.notes) == 1
    assert f"1 number that begins with a zero, {code!r} (in row 0" in table.notes[0]


@pytest.mark.parametrize("text", ["0", "0.5", "-0.5", "10", "0e3"])
def test_a_zero_that_belongs_to_a_number_makes_no_code(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, f"x,n\n{text},1\n")
    assert table.frame["x"].tolist() == [float(text)]
    assert table.notes == []


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_numbers_are_those_that_python_reads(values: list[float]) -> None:
    """pandas' own reader is off in the last bit of every third number, and requests are not."""
    assert [number(repr(value)) for value in values] == values


def test_numbers_of_a_csv_equal_those_of_a_request_to_the_last_bit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=1_000)
    path = tmp_path / "t.csv"
    pd.DataFrame({"x": values}).to_csv(path, index=False)
    assert (pd.read_csv(path)["x"].to_numpy() != values).any()
    assert (read_table(path).frame["x"].to_numpy() == values).all()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2"], np.array([1, 2])),
        (["1", ""], np.array([1.0, np.nan])),
        (["1e5", "-.5"], np.array([1e5, -0.5])),
        (["inf", "-Infinity"], np.array([np.inf, -np.inf])),
        (["1.5", "NaN"], np.array([1.5, np.nan])),
        (["True", "False"], np.array(["True", "False"], dtype=object)),
        (["true", "0"], np.array(["true", "0"], dtype=object)),
        (["9007199254740993", "1"], np.array([9007199254740993, 1])),
        (["1_0", "2"], np.array(["1_0", "2"], dtype=object)),
        (["0x10", "2"], np.array(["0x10", "2"], dtype=object)),
        (["", ""], np.array([np.nan, np.nan])),
    ],
)
def test_a_column_is_numbers_only_where_every_cell_is(
    tmp_path: Path, cells: list[str], expected: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    column = read(tmp_path, "x,n\n" + "".join(f"{cell},1\n" for cell in cells)).frame["x"]
    pd.testing.assert_series_equal(column, pd.Series(expected, name="x"))


def test_whole_numbers_of_any_length_stay_exact(tmp_path: Path) -> None:
    big = 10**25 + 1
    column = read(tmp_path, f"x,n\n{big},1\n,2\n{2**53 + 1},3\n").frame["x"]
    assert column.tolist() == [big, None, 2**53 + 1]


def test_a_semicolon_and_a_decimal_comma_are_read_when_set(tmp_path: Path) -> None:
    text = "a;b;c\n1,5;x, y;1.000\n-2,25;z;2\n"
    table = read(tmp_path, text, TableFormat(";", ","))
    assert table.frame["a"].tolist() == [1.5, -2.25]
    assert table.frame["b"].tolist() == ["x, y", "z"]
    assert table.frame["c"].tolist() == ["1.000", "2"], "no separator of thousands is set"


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_suspected_and_named(tmp_path: Path, separator: str) -> None:
    argument = "tab" if separator == "\t" else f"'{separator}'"
    with pytest.raises(DeploymentError, match=r"the header has a single column.*--separator") as caught:
        read(tmp_path, f"a{separator}b\n1{separator}2\n")
    assert f"use --separator {argument}" in str(caught.value)
    for form in (separator, argument.strip("'")):
        assert read(tmp_path, f"a{separator}b\n1{separator}2\n", TableFormat(form)).frame["b"].tolist() == [2]


@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8])
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path, bom: bytes) -> None:
    assert list(read(tmp_path, bom + b'"a, b",c\n1,2\n').frame.columns) == ["a, b", "c"]


def test_quotes_protect_separators_and_line_ends(tmp_path: Path) -> None:
    table = read(tmp_path, 'a,b\r\n"x, ""y""\r\nz",1\r\n "q",2\r\n')
    assert table.frame["a"].tolist() == ['x, "y"\r\nz', "q"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n1,2,3,4\n", "line 3 has 4 cells, the header has 3: quote a cell"),
        ("a,b,a\n1,2,3\n", "columns 1, 3 are all named 'a': rename all but one"),
        ("a,,c\n1,2,3\n", r"column 2 has no name in the header: name it, or .*to_csv\(index=False\)"),
        (",b\nr1,2\n", "column 1 has no name in the header"),
        (
            "a,b\n1,é\n".encode("latin-1"),
            "is not utf-8: byte 0xe9 in line 2 is not valid; set the enc",
        ),
        ("a,b\n1,2\n".encode("utf-16"), "is not utf-8: byte 0xff in line 1"),
        ("a,b\n1,2\n".encode("utf-16-le"), r"contains zero bytes.*--encoding utf-16-le"),
        ('a,b\n1,"2\n', "cannot be read as CSV: line 2: unexpected end of data"),
        ("", "is empty; it must have a header line and rows"),
        ("\n\n", "is empty"),
        ("a,b\n", "has no rows"),
    ],
)
def test_the_error_of_an_unreadable_file_names_place_and_cause(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(DeploymentError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_the_encoding_can_be_set(tmp_path: Path, encoding: str) -> None:
    table = read(tmp_path, "a,b\nGröße,1\n".encode(encoding), TableFormat(encoding=encoding))
    assert table.frame["a"].tolist() == ["Größe"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "ascii"])
def test_a_byte_order_mark_is_skipped_whatever_the_encoding(tmp_path: Path, encoding: str) -> None:
    table = read(tmp_path, codecs.BOM_UTF8 + "größe,b\n1,2\n".encode(), TableFormat(encoding=encoding))
    assert list(table.frame.columns) == list(pd.read_csv(tmp_path / "t.csv").columns) == ["größe", "b"]
    assert table.notes == (
        []
        if encoding.startswith("utf-8")
        else [f"it begins with the byte order mark of UTF-8, so it is read as utf-8, not {encoding}"]
    )


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read_table(path).frame["b"].tolist() == [2]
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 1_000)[:-20])
    with pytest.raises(DeploymentError, match="cannot be read as CSV"):
        read_table(path)


@pytest.mark.parametrize("start", [0, 1])
def test_row_numbers_without_a_name_are_left_out_with_a_note(tmp_path: Path, start: int) -> None:
    table = read(tmp_path, f",b\n{start},5\n{start + 1},6\n")
    assert list(table.frame.columns) == ["b"]
    assert table.notes == ["column 1 has no name and contains row numbers; it is left out"]


def test_rows_of_another_width_shift_nothing(tmp_path: Path) -> None:
    """pandas takes the first cells for an index where all rows are wider than the header."""
    text = "a,b,c\n1,2\n3,4,5,\n6,7,8\n"
    table = read(tmp_path, text)
    assert table.frame["a"].tolist() == [1, 3, 6]
    assert table.frame["c"].isna().tolist() == [True, False, False]
    assert table.notes == [
        "1 row has fewer cells than the header; the rest are missing (first row 0, counted from 0)",
        "1 row has empty cells after the last column, which are ignored (first row 1, counted from 0)",
    ]


def test_a_header_that_looks_like_a_row_gives_a_note(tmp_path: Path) -> None:
    note = "the first line is read as the header, but one of its names is a number, '39'"
    assert read(tmp_path, "39,State-gov\n50,Private\n").notes == [note]
    assert read(tmp_path, "0,1\n50,Private\n").notes == []


def test_thousands_of_columns_are_read(tmp_path: Path) -> None:
    wide = pd.DataFrame(np.arange(9_000.0).reshape(3, 3_000)).rename(columns=str)
    path = tmp_path / "t.csv"
    wide.to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_table(path).frame, wide)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (TableFormat(","), ""),
        (TableFormat(",", ","), "--decimal and --separator are both a comma"),
        (TableFormat(",,"), "--separator is ',,'; it must be one character"),
        (TableFormat(""), "--separator is ''; it must be one character"),
        (TableFormat('"'), "--separator is .*; it must be one character"),
        (TableFormat(decimal="x"), "--decimal is 'x'; it must be a point or a comma"),
        (TableFormat(encoding="utf-9"), "--encoding 'utf-9' is unknown"),
    ],
)
def test_options_that_cannot_be_are_refused(form: TableFormat, message: str) -> None:
    if not message:
        assert form.check() == form
        return
    with pytest.raises(DeploymentError, match=message):
        form.check()


def parquet(tmp_path: Path, table: pa.Table) -> Path:
    path = tmp_path / "t.parquet"
    pq.write_table(table, path)
    return path


def test_an_index_of_pandas_is_a_column_or_gives_a_note(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"b": [1, 2]}, index=pd.Index([7, 8], name="key"))
    frame.to_parquet(path)
    assert list(pd.read_parquet(path).columns) == ["b"], "pandas hides it"
    assert list(read_table(path).frame.columns) == ["b", "key"]
    frame.rename_axis(None).to_parquet(path)
    assert read_table(path).notes == [], "row numbers need no note"
    frame.set_axis(["x", "y"]).to_parquet(path)
    table = read_table(path)
    assert list(table.frame.columns) == ["b"]
    assert "is an index without a name and is left out" in table.notes[0]


def test_a_name_twice_is_refused_in_parquet_too(tmp_path: Path) -> None:
    path = parquet(tmp_path, pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]))
    with pytest.raises(DeploymentError, match="several columns are named 'a'"):
        read_table(path)


def test_words_of_parquet_are_missing_only_where_they_are_named(tmp_path: Path) -> None:
    path = parquet(tmp_path, pa.table({"a": ["NA", "?", None], "b": [1, 2, 3]}))
    assert read_table(path).frame["a"].tolist() == ["NA", "?", None]
    table = read_table(path, TableFormat(missing_values=("NA",)))
    assert table.frame["a"].tolist() == [None, "?", None]
    assert table.missing["a"] == {"NA": 1}


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(DeploymentError, match="cannot be read as Parquet"):
        read_table(tmp_path / "t.parquet")


DECIMALS = [Decimal("0.1"), None, Decimal("12345678901234567.89"), Decimal("-3")]
NUMBERS: dict[str, tuple[pd.Series, list[float]]] = {
    "decimals": (pd.Series(DECIMALS), [0.1, np.nan, 12345678901234567.89, -3.0]),
    "timedelta64": (pd.Series(pd.to_timedelta(["90s", None, "1500ms"])), [90.0, np.nan, 1.5]),
    "timedeltas": (pd.Series([timedelta(minutes=1), None], dtype=object), [60.0, np.nan]),
    "Int64": (pd.Series([1, None, 3], dtype="Int64"), [1.0, np.nan, 3.0]),
    "Float64": (pd.Series([1.5, None], dtype="Float64"), [1.5, np.nan]),
    "UInt8": (pd.Series([1, 255], dtype="UInt8"), [1.0, 255.0]),
    "arrow integers": (pd.Series([1, None], dtype="int64[pyarrow]"), [1.0, np.nan]),
    "arrow decimals": (pd.Series(DECIMALS[:2], dtype=pd.ArrowDtype(pa.decimal128(5, 2))), [0.1, np.nan]),
    "arrow durations": (pd.Series([1500, None], dtype=pd.ArrowDtype(pa.duration("ms"))), [1.5, np.nan]),
    "float16": (pd.Series([1.5, 2.0], dtype="float16"), [1.5, 2.0]),
    "whole numbers beyond all floats": (pd.Series([10**400, 1], dtype=object), [np.inf, 1.0]),
    "nothing": (pd.Series([None, None], dtype=object), [np.nan, np.nan]),
    "mixed numbers": (pd.Series([1, 2.5, Decimal("3")], dtype=object), [1.0, 2.5, 3.0]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_whatever_holds_numbers_is_taken_as_numbers(name: str) -> None:
    from jobs.data.column_values import kind_of, numbers

    column, expected = NUMBERS[name]
    taken = plain(column)
    assert kind_of(taken) == "number"
    np.testing.assert_array_equal(numbers(taken), expected)


def test_decimals_become_the_nearest_float() -> None:
    rng = np.random.default_rng(0)
    decimals = [Decimal(int(n)).scaleb(-4) for n in rng.integers(-(10**15), 10**15, 500)]
    assert plain(pd.Series(decimals)).tolist() == [float(one) for one in decimals]


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (lambda path: np.save(path, np.array(["a"])), r"must contain numbers of shape \(rows, columns\)"),
        (lambda path: np.save(path, np.zeros(3)), r"contains float64 of shape \[3\]"),
        (lambda path: np.save(path, np.array([{}])), "cannot be read as a numpy array"),
        (lambda path: np.save(path, np.zeros((0, 3))), "has no rows"),
        (lambda path: path.write_bytes(b"junk"), "cannot be read as a numpy array"),
        (lambda path: None, "No such file"),
    ],
)
def test_an_array_that_is_no_table_of_numbers_is_refused(tmp_path: Path, save: object, message: str) -> None:
    save(tmp_path / "rows.npy")  # type: ignore[operator]
    with pytest.raises(DeploymentError, match=message):
        read_array(tmp_path / "rows.npy")


def test_a_code_is_distinguished_from_a_number() -> None:
    assert is_code("+01")
    assert not is_code("0")
    assert not is_code("01x")

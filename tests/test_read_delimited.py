from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl.errors import DataError
from automl.read import Reading, read, read_batches
from automl.reading import blocks, delimited

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def put(content: str | bytes, name: str = "t.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return put


def columns(reading: Reading) -> dict[str, list[object]]:
    return reading.table.frame.to_dict(as_series=False)


def codes(reading: Reading) -> list[str]:
    return [finding.code for finding in reading.findings]


def test_types_are_inferred_and_exact_text_is_kept(put: Put) -> None:
    path = put(
        "whole,real,flag,zip,phone,long,ask,mixed,nothing\n"
        "1,1.50,true,00714,+4930,12345678901234567890,?,1,\n"
        "-2,2e3,false,10115,+331,22345678901234567890,3,x,\n"
    )
    reading = read(path)
    assert columns(reading) == {
        "whole": [1, -2],
        "real": [1.5, 2000.0],
        "flag": [True, False],
        "zip": ["00714", "10115"],
        "phone": ["+4930", "+331"],
        "long": ["12345678901234567890", "22345678901234567890"],
        "ask": ["?", "3"],
        "mixed": ["1", "x"],
        "nothing": [None, None],
    }
    assert reading.findings == ()


@pytest.mark.parametrize("late", ["x", "007", "1.5", "+5", "99999999999999999999"])
def test_a_late_misfit_gives_the_text_of_all_rows(put: Put, monkeypatch: pytest.MonkeyPatch, late: str) -> None:
    monkeypatch.setattr(delimited, "HEAD", 1000)
    monkeypatch.setattr(blocks, "BLOCK", 1000)
    monkeypatch.setattr(blocks.cut, "__defaults__", (1000,))
    path = put("a,b\n" + "".join(f"{i},{i}.50\n" for i in range(1, 60_000)) + f"{late},9.5\n" + "7,8.0\n")
    got = columns(read(path))
    if late == "1.5":
        assert got["a"][-3:] == [59_999.0, 1.5, 7.0]
    else:
        assert got["a"][0] == "1"
        assert got["a"][-2:] == [late, "7"]
    assert got["b"][-3:] == [59_999.5, 9.5, 8.0]


def test_a_late_misfit_in_a_float_column_keeps_trailing_zeros(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "HEAD", 1000)
    path = put("a,b\n" + "1.50,x\n" * 300_000 + "n/a,x\n")
    got = columns(read(path))["a"]
    assert got[0] == "1.50"
    assert got[-1] == "n/a"
    assert len(got) == 300_001


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
def test_delimiters(put: Put, delimiter: str) -> None:
    rows = [["name", "size", "when"], ["Ann", "1.5", "2020-01-02"], ["Bob, Jr; x", "2.5", "2020-01-03"]]
    text = "\n".join(delimiter.join(f'"{c}"' if "Jr" in c else c for c in row) for row in rows)
    reading = read(put(text))
    assert reading.how.delimiter == delimiter
    assert columns(reading)["name"] == ["Ann", "Bob, Jr; x"]
    assert columns(reading)["size"] == [1.5, 2.5]


def test_decimal_comma_is_told_and_kept_as_text(put: Put) -> None:
    reading = read(put("a;b;c\n1,5;2,25;x\n3,0;4,75;y\n10,125;6,5;z\n"))
    assert reading.how.delimiter == ";"
    assert reading.how.decimal == ","
    assert columns(reading)["a"] == ["1,5", "3,0", "10,125"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1251"])
def test_encodings(put: Put, encoding: str) -> None:
    word = "Москва и область" if encoding == "cp1251" else "naïve café Zürich"
    text = "city,n\n" + "".join(f"{word} {i},{i}\n" for i in range(50))
    reading = read(put(text, encoding=encoding))
    assert columns(reading)["city"][3] == f"{word} 3"
    assert reading.table.names == ("city", "n")
    assert ("D001" in codes(reading)) == (encoding != "utf-8-sig")


def test_stray_bytes_in_utf_8_are_read_as_windows_1252_and_told(put: Put) -> None:
    reading = read(put(b"a,b\n" + "日本,é\n".encode() * 20 + b"x,caf\xe9\n" + "日本,é\n".encode()))
    assert columns(reading)["b"][-2:] == ["café", "é"]
    (finding,) = reading.findings
    assert finding.code == "D001"
    assert "line 22" in finding.evidence


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("closed", [True, False])
def test_line_ends(put: Put, end: str, closed: bool) -> None:
    text = end.join(["a,b", "1,x", '2,"y"']) + (end if closed else "")
    assert columns(read(put(text))) == {"a": [1, 2], "b": ["x", "y"]}


def test_empty_lines_and_empty_cells(put: Put) -> None:
    reading = read(put('a,b\n1,x\n\n2,""\n,y\n,\n\n'))
    assert columns(reading) == {"a": [1, 2, None, None], "b": ["x", None, "y", None]}


def test_one_column(put: Put) -> None:
    assert columns(read(put("value\n1\n2\n\n4\n"))) == {"value": [1, 2, 4]}
    assert columns(read(put("full name\nAnn Lee\nBob Ray\n")))["full name"] == ["Ann Lee", "Bob Ray"]
    assert columns(read(put("price\n1,5\n2,75\n")))["price"] == ["1,5", "2,75"]


def test_runs_of_blanks(put: Put) -> None:
    reading = read(put('18.0   8   307.0\t"chevy malibu"\n 9.5   12   35.0\t"ford"\n17.0  8  3.0 "amc"\n', "t.data"))
    assert reading.how.delimiter == " "
    assert columns(reading) == {
        "column_1": [18.0, 9.5, 17.0],
        "column_2": [8, 12, 8],
        "column_3": [307.0, 35.0, 3.0],
        "column_4": ["chevy malibu", "ford", "amc"],
    }
    assert codes(reading) == ["D003"]


def test_lines_wrapped_in_quotes(put: Put) -> None:
    reading = read(put('"id,city,n"\n"1,""Bonn, Rhein"",3"\n"2,Köln,4"\n'))
    assert columns(reading) == {"id": [1, 2], "city": ["Bonn, Rhein", "Köln"], "n": [3, 4]}
    assert codes(reading) == ["D006"]


def test_quotes_that_never_close_are_letters(put: Put) -> None:
    text = "label\ttext\n" + 'ham\tsay "hi" to him\nspam\t"WIN now\nham\tfive" pipe\n' * 40
    reading = read(put(text, "t.tsv"))
    assert reading.table.n_rows == 120
    assert columns(reading)["text"][:3] == ['say "hi" to him', '"WIN now', 'five" pipe']


def test_a_stray_quote_far_down_does_not_swallow_rows(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "HEAD", 1000)
    rows = [f'{i},"pipe, long",x' for i in range(50_000)]
    rows[40_000] = '40000,5" pipe,x'
    got = columns(read(put("a,b,c\n" + "\n".join(rows) + "\n")))
    assert got["a"] == list(range(50_000))
    assert got["b"][40_000] == '5" pipe'
    assert got["b"][40_001] == "pipe, long"


def test_a_quote_that_swallows_the_rest_is_refused_with_its_line(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "HEAD", 1000)
    rows = [f"{i},x,y" for i in range(50_000)]
    rows[40_000] = '40000,"x,y'
    with pytest.raises(DataError, match="line 40,002"):
        read(put("a,b,c\n" + "\n".join(rows) + "\n"))


def test_header_or_none(put: Put) -> None:
    no_header = "5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,2.2,virginica\n"
    reading = read(put(no_header))
    assert reading.table.names == ("column_1", "column_2", "column_3")
    assert (reading.table.n_rows, codes(reading)) == (3, ["D003"])
    assert read(put("land,2015,2016\nA,5.5,6\nB,7,8\n")).table.names == ("land", "2015", "2016")
    assert read(put("0,1,2,3\n5.5,6.5,7.5,x\n6.5,7.5,8.5,y\n")).table.names == ("0", "1", "2", "3")
    assert read(put("red,small\ngreen,large\nred,large\nred,small\n" * 5)).table.names == ("column_1", "column_2")
    assert read(put("colour,size\ngreen,large\nred,small\n")).table.names == ("colour", "size")
    assert read(put("a,b\n?,1\n?,2\n")).table.names == ("a", "b")


def test_two_header_lines_are_joined(put: Put) -> None:
    reading = read(put("id,Seen,,Fan\n,First film,Second film,Answer\n1,yes,no,no\n2,no,no,yes\n3,yes,no,yes\n"))
    assert reading.table.names == ("id", "Seen: First film", "Seen: Second film", "Fan")
    assert (reading.table.n_rows, reading.how.header_lines, codes(reading)) == (3, 2, ["D003"])
    assert columns(reading)["id"] == [1, 2, 3]


def test_titles_and_footers_are_left_out(put: Put) -> None:
    text = "Report of 2020\n\nname;n;size\nA;1;2.5\nB;2;3.5\n\nSource: the office\nAll rights reserved\n"
    reading = read(put(text))
    assert columns(reading) == {"name": ["A", "B"], "n": [1, 2], "size": [2.5, 3.5]}
    assert codes(reading) == ["D005", "D005"]
    assert reading.how.skipped_lines == 2
    assert "sep" not in "".join(read(put("sep=;\na;b\n1;2\n3;4\n")).table.names)


def test_names_are_unique_and_never_empty(put: Put) -> None:
    reading = read(put("a,,a, b ,a_2,\n1,2,3,4,5,6\n1,2,3,4,5,6\n"))
    assert reading.table.names == ("a", "column_2", "a_3", "b", "a_2", "column_6")
    assert codes(reading) == ["D004", "D004"]


def test_short_rows_are_padded_or_shifted_back(put: Put) -> None:
    rows = [f"item {i},{'red' if i % 2 else 'blue'},{i}.5,{i},yes,z{i}" for i in range(100)]
    rows[10] = "item 10,10.5,10,yes,z10"
    rows[20] = "item 20,red,20.5,20"
    reading = read(put("name,colour,size,n,ok,code\n" + "\n".join(rows)))
    assert reading.table.n_rows == 100
    assert reading.table.frame.row(10) == ("item 10", None, 10.5, 10, "yes", "z10")
    assert reading.table.frame.row(20) == ("item 20", "red", 20.5, 20, None, None)
    (finding,) = reading.findings
    assert finding.code == "D002"
    assert "line 12 before column 2" in finding.evidence
    assert "line 22" in finding.evidence


def test_long_rows_are_joined_where_a_text_was_torn_or_refused(put: Put) -> None:
    rows = [f"{i},first last {i},{i}.5,yes" for i in range(100)]
    rows[50] = "50,Smith, John,50.5,yes"
    rows[60] = "60,x,60.5,yes,,"
    reading = read(put("id,name,size,ok\n" + "\n".join(rows)))
    assert reading.table.frame.row(50) == (50, "Smith, John", 50.5, "yes")
    assert reading.table.frame.row(60) == (60, "x", 60.5, "yes")
    with pytest.raises(DataError, match=r"line 3: 3 fields, but the header has 2"):
        read(put("a,b\n1,2\n1,2,3\n" + "4,5\n" * 20))


def test_names_of_rows_as_r_writes_them(put: Put) -> None:
    reading = read(put('"x" "y"\n"1" 5.5 6\n"2" 7.5 8\n'.replace(" ", ",")))
    assert reading.table.names == ("column_1", "x", "y")
    assert columns(reading)["x"] == [5.5, 7.5]


def test_blanks_before_quotes_trailing_delimiters_and_backslashes(put: Put) -> None:
    assert columns(read(put('a, b, c\n1, "x, y", 3\n2, "z", 4\n'))) == {"a": [1, 2], "b": ["x, y", "z"], "c": [3, 4]}
    assert read(put("a,b\n1,2,\n3,4,\n")).table.names == ("a", "b", "column_3")
    escaped = read(put('id,t\n1,"say \\"hi\\", ok"\n2,"b"\n3,"c \\"d\\""\n'))
    assert columns(escaped)["t"] == ['say "hi", ok', "b", 'c "d"']
    assert columns(read(put("'a','b'\n'x, y','z'\n'x','w'\n")))["a"] == ["x, y", "x"]


def test_rows_of_any_length_below_a_full_header(put: Put) -> None:
    reading = read(put("a,b,c,d\n1\n1,2\n1,2,3\n1,2,3,4\n"))
    assert reading.table.frame.row(1) == (1, 2, None, None)
    assert codes(reading) == ["D002"]


def test_a_cell_of_ten_megabytes(put: Put) -> None:
    big = "word, " * 1_700_000
    got = columns(read(put(f'a,b\n1,"{big}"\n2,y\n')))
    assert got["b"] == [big, "y"]
    assert got["a"] == [1, 2]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n", "nothing but blanks"),
        (b"a,b,c\n", "a header but no rows: a, b, c"),
        (bytes(range(256)) * 40, "NUL byte|no text"),
        (bytes(range(1, 32)) * 40, "no text"),
        (b"a,b\n1,2\n3,\x004\n", "NUL byte on line 3"),
        (b"<!DOCTYPE html>\n<p>404, not found</p>\n", "a web page"),
    ],
)
def test_what_is_no_table_is_refused(put: Put, content: bytes, says: str) -> None:
    path = put(content)
    with pytest.raises(DataError, match=says) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert caught.value.hints


def test_batches_give_the_rows_in_order_at_most_so_many(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks.cut, "__defaults__", (5000,))
    monkeypatch.setattr(delimited, "HEAD", 2000)
    path = put("n,t,v\n" + "".join(f'{i},"a\n""{i}""",{"x" if i == 90_000 else i}\n' for i in range(100_000)))
    tables = list(read_batches(path, 7_000))
    assert max(table.n_rows for table in tables) <= 7_000
    assert np.concatenate([t.column("n").numbers() for t in tables]).tolist() == list(range(100_000))
    text = [x for t in tables for x in t.column("v").as_text()]
    assert (text[5], text[90_000], text[99_999]) == ("5", "x", "99999")
    assert {t.column("v").storage for t in read_batches(path, text=["v"])} == {"string"}


def test_only_so_many_rows(put: Put) -> None:
    path = put("a,b\n" + "".join(f"{i},x\n" for i in range(1000)))
    assert columns(read(path, n_rows=3)) == {"a": [0, 1, 2], "b": ["x"] * 3}


cells = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(-1e6, 1e6).map(repr),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=0, max_size=8),
    st.text('ab"\n,;\t|é😀 ', max_size=6),
)


@given(
    rows=st.integers(2, 5).flatmap(
        lambda d: st.lists(st.lists(cells, min_size=d, max_size=d), min_size=3, max_size=12)
    ),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_csv_writes_is_read_back(
    tmp_path: Path, rows: list[list[str]], delimiter: str, quoting: int, end: str
) -> None:
    rows = [["row", *row] for row in rows]
    header = [f"name_{i}" for i in range(len(rows[0]))]
    body = [["row", *map(str, range(1, len(header)))]] * 5
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerows([header, *body, *rows])
    path = tmp_path / "t.csv"
    path.write_bytes(buffer.getvalue().encode())
    table = read(path, text=header).table
    want = [tuple(cell or None for cell in row) for row in rows]
    assert table.names == tuple(header)
    assert table.frame.rows()[len(body) :] == want

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from xml.sax.saxutils import escape

import polars as pl
import pytest
import zstandard
from media_files import write_zip

from automl.errors import DataError
from automl.read import Reading, read, read_batches
from automl.reading import documents

CSV = b"n,word,real\n" + b"".join(b"%d,w%d,%d.5\n" % (i, i % 3, i) for i in range(1000))
FRAME = pl.DataFrame(
    {"n": range(1000), "word": [f"w{i % 3}" for i in range(1000)], "real": [i + 0.5 for i in range(1000)]}
)
PACK = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress, "bz2": bz2.compress, "xz": lzma.compress}


def columns(reading: Reading) -> dict[str, list[object]]:
    return reading.table.frame.to_dict(as_series=False)


def written(form: str) -> bytes:
    buffer = io.BytesIO()
    if form == "csv":
        return CSV
    if form == "parquet":
        FRAME.write_parquet(buffer)
    elif form == "feather":
        FRAME.write_ipc(buffer)
    elif form == "arrow":
        FRAME.write_ipc_stream(buffer)
    elif form == "jsonl":
        FRAME.write_ndjson(buffer)
    elif form == "json":
        FRAME.write_json(buffer)
    return buffer.getvalue()


def sheet(rows: list[list[object]]) -> str:
    def cell(value: object, at: str) -> str:
        if value is None:
            return ""
        if isinstance(value, (int, float)):
            return f'<c r="{at}"><v>{value}</v></c>'
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    body = "".join(
        f'<row r="{i}">' + "".join(cell(v, f"{chr(65 + j)}{i}") for j, v in enumerate(row)) + "</row>"
        for i, row in enumerate(rows, start=1)
    )
    return f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{body}</sheetData></worksheet>'


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    excel = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(sheets) + 1)
    with zipfile.ZipFile(path, "w") as book:
        kinds = "".join(
            f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{excel}.worksheet+xml"/>' for i in numbers
        )
        book.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/xl/workbook.xml" '
            f'ContentType="{excel}.sheet.main+xml"/>' + kinds + "</Types>",
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        names = "".join(
            f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in zip(numbers, sheets, strict=True)
        )
        book.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>'
        )
        targets = "".join(
            f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in numbers
        )
        book.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{relations}">{targets}</Relationships>')
        for i, rows in zip(numbers, sheets.values(), strict=True):
            book.writestr(f"xl/worksheets/sheet{i}.xml", sheet(rows))
    return path


@pytest.mark.parametrize("form", ["csv", "parquet", "feather", "arrow", "jsonl", "json"])
@pytest.mark.parametrize("packed", ["", "gz", "zst", "bz2", "xz"])
def test_every_format_gives_the_same_table(tmp_path: Path, form: str, packed: str) -> None:
    content = written(form)
    path = tmp_path / f"t.{form}{'.' * bool(packed)}{packed}"
    path.write_bytes(PACK[packed](content) if packed else content)
    reading = read(path)
    assert reading.table.frame.equals(FRAME)
    assert reading.how.compression == packed
    assert reading.findings == ()
    assert read(path, n_rows=7).table.frame.equals(FRAME.head(7))
    batches = list(read_batches(path, 300))
    assert max(batch.n_rows for batch in batches) <= 300
    assert pl.concat([batch.frame for batch in batches]).equals(FRAME)


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow", "jsonl", "json"])
@pytest.mark.parametrize("packed", ["", "gz"])
def test_stdin_is_known_by_its_bytes(monkeypatch: pytest.MonkeyPatch, form: str, packed: str) -> None:
    content = PACK[packed](written(form)) if packed else written(form)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert read("-").table.frame.equals(FRAME)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    batches = list(read_batches("-", 400))
    assert pl.concat([batch.frame for batch in batches]).equals(FRAME)
    assert batches[0].source == "stdin"


def test_two_passes_over_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"a,b\n" + b"1.50,x\n" * 20_000 + b"n/a,y\n"
    monkeypatch.setattr("automl.reading.delimited.HEAD", 1000)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    got = columns(read("-"))
    assert (got["a"][0], got["a"][-1], len(got["a"])) == ("1.50", "n/a", 20_001)


def test_several_compressed_parts_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(CSV[:5000]) + gzip.compress(CSV[5000:]) + b"\0" * 100)
    assert read(path).table.frame.equals(FRAME)


def test_the_bytes_count_more_than_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(written("parquet"))
    assert read(path).how.format == "parquet"
    path.write_bytes(gzip.compress(CSV))
    assert read(path).how.compression == "gz"


@pytest.mark.parametrize("packed", ["gz", "zst", "bz2", "xz"])
@pytest.mark.parametrize("damage", ["cut", "torn", "fake"])
def test_damaged_compressed_files_are_refused(tmp_path: Path, packed: str, damage: str) -> None:
    content = PACK[packed](CSV * 20)
    torn = content[: len(content) // 2] + b"damaged!" * 20 + content[len(content) // 2 + 160 :]
    path = tmp_path / f"t.csv.{packed}"
    path.write_bytes({"cut": content[: len(content) // 2], "torn": torn, "fake": CSV}[damage])
    with pytest.raises(DataError, match=r"damaged|is no") as caught:
        read(path)
    assert str(path) in caught.value.message
    assert caught.value.hints


@pytest.mark.parametrize("form", ["parquet", "feather", "xlsx", "json"])
def test_files_cut_short_are_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"t.{form}"
    content = workbook(path, {"a": [["x"], [1]]}).read_bytes() if form == "xlsx" else written(form)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=f"t.{form}") as caught:
        read(path)
    assert caught.value.hints
    with pytest.raises(DataError):
        list(read_batches(path))


@pytest.mark.parametrize("form", ["parquet", "feather", "arrow", "xlsx", "zip", "gz", "zst", "bz2", "xz"])
def test_a_byte_changed_anywhere_is_told_or_passes(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"t.{form}"
    if form == "xlsx":
        whole = workbook(path, {"a": [["x", "y"], *([i, f"w{i}"] for i in range(20))]}).read_bytes()
    elif form == "zip":
        whole = write_zip(path, {f"{'ab'[i % 2]}/{i}.txt": b"some words " * 20 for i in range(10)}).read_bytes()
    else:
        whole = PACK[form](CSV) if form in PACK else written(form)
    told = 0
    for place in (*range(0, len(whole), max(1, len(whole) // 100)), *range(len(whole) - 100, len(whole))):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read(path)
        except DataError:
            told += 1
    assert told > 20


def test_a_name_that_is_not_there_and_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "Churn.csv").write_bytes(CSV)
    with pytest.raises(DataError, match=r"no file .*chrun.csv") as caught:
        read(tmp_path / "chrun.csv")
    assert "Churn.csv" in str(caught.value)
    with pytest.raises(DataError, match="folder"):
        read(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        read(tmp_path / "nowhere" / "t.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    with pytest.raises(DataError, match="permission denied"):
        read(path)


@pytest.mark.parametrize(
    "document",
    [
        [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        {"a": [1, 2], "b": ["x", None]},
        {"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": None}},
        {"columns": ["a", "b"], "index": [0, 1], "data": [[1, "x"], [2, None]]},
        {"status": "ok", "rows": [{"a": 1, "b": "x"}, {"a": 2, "b": None}]},
        [["a", "b"], [1, "x"], [2, None]],
    ],
)
def test_shapes_of_json(tmp_path: Path, document: object) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(document))
    assert columns(read(path)) == {"a": [1, 2], "b": ["x", None]}


def test_nested_json_becomes_columns_and_text(tmp_path: Path) -> None:
    rows = [
        {"id": "007", "at": {"x": 1, "y": {"z": 2}}, "tags": ["a", "b"], "mixed": 1},
        {"id": "1", "at": {"x": 2.5}, "tags": None, "mixed": "one", "late": True},
    ]
    for name, text in (("t.json", json.dumps(rows)), ("t.jsonl", "\n".join(map(json.dumps, rows)))):
        (tmp_path / name).write_text(text)
        reading = read(tmp_path / name)
        assert columns(reading) == {
            "id": ["007", "1"],
            "at.x": [1.0, 2.5],
            "at.y": ['{"z":2}', None],
            "tags": ['["a","b"]', None],
            "mixed": ["1", "one"],
            "late": [None, True],
        }
        assert [finding.code for finding in reading.findings] == ["D007", "D007"]


def test_nested_parquet_is_made_flat(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "at": [{"x": 1, "y": [1, 2]}, {"x": 2, "y": None}],
            "kind": pl.Series(["b", "a"], dtype=pl.Categorical),
            "raw": [b"\x00\xff", None],
            "price": pl.Series(["1.50", "2.25"]).cast(pl.Decimal(10, 2)),
            "nothing": [None, None],
            "took": pl.Series([1_500_000, None], dtype=pl.Duration("us")),
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    reading = read(tmp_path / "t.parquet")
    assert columns(reading) == {
        "at.x": [1, 2],
        "at.y": ["[1,2]", None],
        "kind": ["b", "a"],
        "raw": ["00ff", None],
        "price": [1.5, 2.25],
        "nothing": [None, None],
        "took": [1.5, None],
    }
    assert {column.storage for column in reading.table.columns()} == {"number", "string"}


def test_a_json_line_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_BLOCK", 100)
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n' * 50 + '{"a": }\n' + '{"a": 1}\n' * 50)
    with pytest.raises(DataError, match="line 51"):
        read(path)
    path.write_text('{"a": 1}\n' * 50 + '{"a": "x"}\n')
    assert columns(read(path))["a"][-2:] == ["1", "x"]


@pytest.mark.parametrize("content", ["[1, 2", "3", "[]", '{"a": [1], "b": [1, 2]}', "[1, [2]]"])
def test_json_that_is_no_table(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"t\.json"):
        read(path)


def test_a_workbook_with_titles_and_several_sheets(tmp_path: Path) -> None:
    table: list[list[object]] = [
        ["Sales report", None, None],
        [None, None, None],
        ["id", "zip", "amount"],
        [1, "00714", 2.5],
        [2, "10115", None],
        [3, 'a, "b"\nc', 7],
    ]
    reading = read(workbook(tmp_path / "t.xlsx", {"notes": [], "data": table, "more": [["x"], [1]]}))
    assert columns(reading) == {"id": [1, 2, 3], "zip": ["00714", "10115", 'a, "b"\nc'], "amount": [2.5, None, 7.0]}
    assert reading.how.sheet == "data"
    assert sorted(finding.code for finding in reading.findings) == ["D005", "D008"]
    (batch,) = read_batches(tmp_path / "t.xlsx")
    assert batch.n_rows == 3


def test_how_a_file_was_read_can_be_written_down(tmp_path: Path) -> None:
    import msgspec

    path = tmp_path / "t.csv"
    path.write_bytes(CSV)
    how = read(path).how
    assert msgspec.json.decode(msgspec.json.encode(how), type=type(how)) == how

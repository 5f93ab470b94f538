import gzip
import io
import json
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.files.messages import check_message

from dnagpt.errors import InputError, StorageError
from dnagpt.files.tables import index_as_columns, read_table, require_columns, write_table

TEXT_ENDINGS = [".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz"]

cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cc", "Cs"]), max_size=12)
tables = st.integers(1, 4).flatmap(
    lambda width: st.tuples(
        st.lists(cells.filter(str.strip), min_size=width, max_size=width, unique=True),
        st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=5),
    )
)


@given(tables, st.sampled_from(TEXT_ENDINGS))
def test_text_comes_back_as_it_was_written(table: tuple[list[str], list[list[str]]], ending: str) -> None:
    columns, rows = table
    if len(columns) == 1 and any(other in columns[0] for other in ",;\t"):
        columns = ["column"]  # one such name means another format, which is an error of its own
    frame = pd.DataFrame(rows, columns=columns, dtype=str)
    cut = "\t" if ending.startswith(".tsv") else ","
    lines = [cut.join(row).splitlines() for row in rows]
    assume(not any(len(row) > 1 and all(line.count(cut) == len(columns) - 1 for line in row) for row in lines))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{ending}"
        write_table(frame, path)
        again = read_table(path)
    assert list(again.columns) == columns
    assert again.to_numpy().tolist() == rows


def test_nothing_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'id,label,gene,share\r\n"007",1,NA,1e-3\r\n8,None,nan,\r\n\r\n 9 ,True,"a,""b""\nc",0.10\r\n')
    assert read_table(path).to_dict("list") == {
        "id": ["007", "8", " 9 "],
        "label": ["1", "None", "True"],
        "gene": ["NA", "nan", 'a,"b"\nc'],
        "share": ["1e-3", "", "0.10"],
    }


def test_json_values_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"a": 1.5, "b": true, "c": null, "d": "NA", "e": [1, {"f": null}]}\n\n'
        '{"d": "", "c": 12345678901234567890, "b": 1e5, "a": 2, "e": "1"}'
    )
    again = tmp_path / "y.jsonl"
    write_table(read_table(path), again)
    assert again.read_text() == (
        '{"a": 1.5, "b": true, "c": null, "d": "NA", "e": [1, {"f": null}]}\n'
        '{"a": 2, "b": 100000.0, "c": 12345678901234567890, "d": "", "e": "1"}\n'
    )
    write_table(read_table(path), tmp_path / "y.csv")
    assert (tmp_path / "y.csv").read_text() == (
        'a,b,c,d,e\n1.5,true,,NA,"[1, {""f"": null}]"\n2,100000.0,12345678901234567890,,1\n'
    )


@pytest.mark.parametrize(("ending", "cut"), [(".csv", ","), (".tsv", "\t")])
@pytest.mark.parametrize(
    "rows",
    [
        ['ACGT|"start', "TTGA|mid", 'ACGT|end"'],
        ['"ACGT|start', 'TTGA"|end'],
        ['ACGT|"start', 'TTGA"|end'],
        ['chr1|"1|a', 'chr1|2|"b', "chr1|3|c"],
    ],
)
def test_a_quotation_mark_that_swallows_rows_is_refused(tmp_path: Path, rows: list[str], ending: str, cut: str) -> None:
    header = ["sequence", "note", "more"][: rows[-1].count("|") + 1]
    path = tmp_path / f"x{ending}"
    path.write_text("\n".join(["|".join(header), *rows, ""]).replace("|", cut))
    with pytest.raises(
        InputError, match=r"line 2: a quotation mark makes one row of \d lines|line \d: (.* quotation mark|\d cells)"
    ):
        read_table(path)


@pytest.mark.parametrize(("ending", "cut"), [(".csv", ","), (".tsv", "\t")])
def test_line_breaks_within_quotation_marks_are_read_and_counted(
    tmp_path: Path, ending: str, cut: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"x{ending}"
    path.write_text(f'sequence{cut}note\nACGT{cut}"two\nlines"\n\nTTGA{cut}5" long\n"CC"{cut}"a ""b"""\n')
    assert read_table(path).to_dict("list") == {
        "sequence": ["ACGT", "TTGA", "CC"],
        "note": ["two\nlines", '5" long', 'a "b"'],
    }
    assert "cells of 1 of 3 rows hold line breaks within quotation marks (first at line 2)" in caplog.text


INDEXES: dict[str, tuple[pd.Index, list[str]]] = {
    "named": (pd.Index([7, 9], name="id"), ["id"]),
    "range_named": (pd.RangeIndex(2, name="id"), ["id"]),
    "text": (pd.Index(["a", "b"]), ["index"]),
    "sliced": (pd.RangeIndex(3, 5), ["index"]),
    "twice": (pd.Index(["a", "a"], name="id"), ["id"]),
    "levels": (pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["gene", None]), ["gene", "index"]),
    "like_a_column": (pd.Index([7, 9], name="label"), ["index_label"]),
    "a_column": (pd.Index([1, 0], name="label"), []),
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_is_kept(tmp_path: Path, name: str) -> None:
    index, columns = INDEXES[name]
    frame = pd.DataFrame({"sequence": ["ACGT", "TTTT"], "label": [1, 0]}, index=index)
    frame.to_parquet(tmp_path / "x.parquet")
    table = read_table(tmp_path / "x.parquet")
    write_table(table, tmp_path / "y.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "y.parquet"), pd.read_parquet(tmp_path / "x.parquet"))
    flat = index_as_columns(table)
    assert list(flat) == [*columns, "sequence", "label"]
    for level, column in enumerate(columns):
        assert flat[column].tolist() == index.get_level_values(level).tolist()
    for ending in TEXT_ENDINGS:
        write_table(table, tmp_path / f"y{ending}")
        assert list(read_table(tmp_path / f"y{ending}")) == [*columns, "sequence", "label"]


def test_parquet_keeps_whole_numbers_and_truth_values_with_gaps(tmp_path: Path) -> None:
    large = 2**62 + 1
    arrow = pa.table({"n": pa.array([large, None], pa.int64()), "ok": [True, None], "x": [0.5, None], "l": [[1], None]})
    pq.write_table(arrow, tmp_path / "x.parquet")
    table = read_table(tmp_path / "x.parquet")
    write_table(table, tmp_path / "y.parquet")
    again = pq.read_table(tmp_path / "y.parquet")
    assert again.schema.field("n").type == pa.int64()
    assert again.schema.field("ok").type == pa.bool_()
    assert again.to_pylist() == arrow.to_pylist()
    write_table(table, tmp_path / "y.jsonl")
    lines = (tmp_path / "y.jsonl").read_text().splitlines()
    assert lines == [
        f'{{"n": {large}, "ok": true, "x": 0.5, "l": [1]}}',
        '{"n": null, "ok": null, "x": null, "l": null}',
    ]


def test_types_that_parquet_cannot_hold_in_one_column_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a": "b"}\n')
    with pytest.raises(InputError, match=r"Parquet needs columns whose values are all of one type .* JSON lines"):
        write_table(read_table(tmp_path / "x.jsonl"), tmp_path / "y.parquet")
    assert not (tmp_path / "y.parquet").exists()


def test_dates_and_other_types_become_text_in_json(tmp_path: Path) -> None:
    frame = pd.DataFrame({"day": [pd.Timestamp("2020-01-02"), pd.NaT], "kind": pd.Categorical(["a", None])})
    write_table(frame, tmp_path / "x.jsonl")
    assert (tmp_path / "x.jsonl").read_text().splitlines() == [
        '{"day": "2020-01-02 00:00:00", "kind": "a"}', '{"day": null, "kind": null}',
    ]  # fmt: skip


def test_a_byte_order_mark_and_long_cells_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_bytes(b"\xef\xbb\xbfsequence\tlabel\n" + b"ACGT" * 100_000 + b"\t1\n")
    frame = read_table(path)
    assert list(frame.columns) == ["sequence", "label"]
    assert len(frame["sequence"].tolist()[0]) == 400_000


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sequence": ["ACGT", "TTTT"], "label": [1, 0], "share": [0.1, math.pi]})
    write_table(frame, tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "x.parquet"), frame)


def test_numbers_keep_every_digit(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=50) * 10.0 ** np.arange(-25, 25)
    for ending in TEXT_ENDINGS:
        write_table(pd.DataFrame({"value": values, "count": np.arange(50)}), tmp_path / f"x{ending}")
        again = read_table(tmp_path / f"x{ending}")
        assert again["value"].astype(float).tolist() == values.tolist()
        assert again["count"].astype(int).tolist() == list(range(50))


def test_what_is_no_number_is_null_in_json(tmp_path: Path) -> None:
    write_table(pd.DataFrame({"x": [math.nan, 1.5, math.inf]}), tmp_path / "x.jsonl")
    assert [json.loads(line)["x"] for line in (tmp_path / "x.jsonl").read_text().splitlines()] == [None, 1.5, None]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["1", "2"]})
    for name in ("one.csv.gz", "two.csv.gz"):
        write_table(frame, tmp_path / name)
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()


def test_standard_streams_carry_csv(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,\xc3\xa9\n")))
    frame = read_table("-")
    assert frame.to_dict("list") == {"a": ["1"], "b": ["é"]}
    write_table(frame, "-")
    assert capsys.readouterr().out == "a,b\n1,é\n"


# name of the file -> (content, parts of the message)
MALFORMED: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty.csv": (b"", ("is empty",)),
    "blank.csv": (b"\n \n\n", ("is empty",)),
    "empty.csv.gz": (gzip.compress(b""), ("is empty",)),
    "empty.jsonl": (b"\n\n", ("is empty",)),
    "empty.parquet": (b"", ("is empty",)),
    "header_only.csv": (b"sequence,label\n", ("'sequence', 'label'", "no rows")),
    "column_twice.csv": (b"a,b,a\n1,2,3\n", ("'a'", "more than one column")),
    "two_unnamed_columns.csv": (b",a,\n1,2,3\n", ("''", "more than one column")),
    "short_row.csv": (b"a,b\n1,2\n\n3\n", ("line 4", "1 cell,", "2 columns", "'3'")),
    "long_row.csv": (b"a,b\n1,2,3\n", ("line 2", "3 cells", "'1,2,3'")),
    "row_names_of_r.tsv": (b"a\tb\nrow1\t1\t2\n", ("line 2", "3 cells")),
    "short_row_behind_a_long_cell.csv": (b'a,b\n"x\ny",2\n3\n', ("line 4", "1 cell,")),
    "open_quotation.csv": (b'a,b\n"1,2\n3,4\n', ("line 3", "quotation mark")),
    "rubbish_behind_quotation.csv": (b'a,b\n"1"x,2\n', ("line 2", "quotation mark")),
    "tabs.csv": (b"sequence\tlabel\nACGT\t1\n", ("TSV", "commas")),
    "semicolons.csv": (b"sequence;label\nACGT;1\n", ("semicolon", "commas")),
    "commas.tsv": (b"sequence,label\nACGT,1\n", ("CSV", "tabs")),
    "latin_1.csv": (b"a,b\n1,2\ncaf\xe9,3\n", ("line 3", r"caf\xe9", "UTF-8")),
    "utf_16.csv": ("a,b\n1,2\n".encode("utf-16"), ("UTF-16",)),
    "zero_byte_far_inside.csv": (b"a,b\n" + b"1,2\n" * 300 + b"\x00,2\n", ("line 302", "zero byte")),
    "binary.csv": (bytes(range(256)), ("binary data",)),
    "workbook.csv": (b"PK\x03\x04" + bytes(40), ("Excel",)),
    "parquet.csv": (b"PAR1\x15\x04\x15\x00", ("Parquet", ".parquet")),
    "web_page.csv": (b"<!DOCTYPE html>\n<html></html>\n", ("web page",)),
    "git_lfs.csv": (b"version https://git-lfs.github.com/spec/v1\noid x\n", ("Git LFS",)),
    "packed_twice.csv.gz": (gzip.compress(gzip.compress(b"a,b\n1,2\n")), ("compressed twice",)),
    "cut.csv.gz": (gzip.compress(b"a,b\n1,2\n" * 99)[:-7], ("cut short",)),
    "damaged.csv.gz": (gzip.compress(b"a,b\n1,2\n")[:12] + b"\xff" * 30, ("damaged",)),
    "no_json.jsonl": (b'{"a": 1}\n{"a": \n', ("line 2", "is not JSON")),
    "pretty_json.jsonl": (b'{\n  "a": 1\n}\n', ("line 1", "is not JSON")),
    "json_list.jsonl": (b"[1, 2]\n", ("line 1", "is not an object")),
    "empty_object.jsonl": (b"{}\n", ("line 1", "is not an object")),
    "other_keys.jsonl": (b'{"a": 1, "b": 2}\n{"a": 1, "c": 2}\n', ("line 2", "line 1", "'b', 'c'")),
    "key_twice.jsonl": (b'{"a": 1, "a": 2}\n', ("line 1", "'a'", "more than one")),
    "half_a_character.jsonl": (b'{"a": "\\ud800"}\n', ("line 1", "'a'", "surrogate")),
    "deep.jsonl": (b"[" * 100_000, ("line 1",)),
    "csv.parquet": (b"a,b\n1,2\n", ("is not Parquet", "'a,b")),
    "cut.parquet": (b"PAR1" + bytes(100), ("damaged",)),
    "table.xlsx": (b"PK\x03\x04", ("no ending that names a table format", ".csv")),
    "no_ending": (b"a,b\n1,2\n", ("no ending that names a table format",)),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_tables_end_in_a_sentence(tmp_path: Path, name: str) -> None:
    content, parts = MALFORMED[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(path)
    check_message(caught.value, str(path), *parts)


@pytest.mark.parametrize("name", ["missing.csv", "missing.jsonl", "missing.parquet"])
def test_missing_tables_and_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / name)
    check_message(caught.value, str(tmp_path / name), "does not exist")
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path / name)


def test_a_parquet_file_without_rows(tmp_path: Path) -> None:
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="has no rows"):
        read_table(tmp_path / "x.parquet")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "x.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for use in (read_table, lambda path: write_table(pd.DataFrame({"a": [1]}), path)):
        with pytest.raises(InputError) as caught:
            use(tmp_path / "x.parquet")
        check_message(caught.value, "x.parquet", "dnagpt[tables]")


def test_unknown_endings_and_double_columns_are_refused_before_writing(tmp_path: Path) -> None:
    for name in ("x.xlsx", "x"):
        with pytest.raises(InputError) as caught:
            write_table(pd.DataFrame({"a": [1]}), tmp_path / name)
        check_message(caught.value, name, ".csv")
    with pytest.raises(InputError, match="more than one column"):
        write_table(pd.DataFrame([[1, 2]], columns=["a", "a"]), tmp_path / "x.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full")
def test_a_full_disk_keeps_the_old_table(tmp_path: Path) -> None:
    (tmp_path / "x.csv").symlink_to("/dev/full")
    with pytest.raises(StorageError) as caught:
        write_table(pd.DataFrame({"a": ["x" * 1000] * 1000}), tmp_path / "x.csv")
    check_message(caught.value, "x.csv", "disk is full")


def test_missing_columns_are_listed_with_what_is_there() -> None:
    frame = pd.DataFrame({"sequence": ["A"], "lable": ["1"]})
    require_columns(frame, ["sequence"], "x.csv")
    with pytest.raises(InputError) as caught:
        require_columns(frame, ["sequence", "label", "gene"], "x.csv")
    check_message(caught.value, "x.csv", "columns 'label', 'gene'", "'sequence', 'lable'")
    wide = pd.DataFrame([range(50)], columns=[f"c{number}" for number in range(50)])
    with pytest.raises(InputError, match="and 30 more"):
        require_columns(wide, ["label"], "x.csv")


def test_published_tables(data_dir: Path) -> None:
    frame = read_table(data_dir / "benchmarks" / "gue" / "tf_0" / "test.csv")
    assert list(frame.columns) == ["sequence", "label"]
    assert set(frame["label"]) == {"0", "1"}
    assert set(frame["sequence"].str.len()) == {101}

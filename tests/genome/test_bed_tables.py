"""BED files as tables: with column names, with those of the UCSC browser, and without any."""

import gzip
from pathlib import Path

import pytest

from dnagpt.errors import InputError
from dnagpt.genome.bed_tables import BED_COLUMNS, read_bed_table


@pytest.mark.parametrize("count", range(3, 13))
def test_each_number_of_columns_of_bed_has_its_usual_names(tmp_path: Path, count: int) -> None:
    cells = ["chr1", "10", "20", "peak", "5", "-", "10", "20", "0,0,0", "1", "10", "0"][:count]
    path = tmp_path / "peaks.bed"
    path.write_text("browser position chr1\ntrack name=peaks\n#a comment\n" + "\t".join(cells) + "\n\n# the end\n")
    assert read_bed_table(path).to_dict("list") == {
        name: [cell] for name, cell in zip(BED_COLUMNS[:count], cells, strict=True)
    }


@pytest.mark.parametrize(
    "content",
    [
        b"#chrom\tchromStart\tchromEnd\tlabel\nchr1\t10\t20\t1\n",
        b"#chrom\tchromStart\tchromEnd\tlabel\n# a note\nchr1\t10\t20\t1\n",
        b"chrom\tchromStart\tchromEnd\tlabel\r\nchr1\t10\t20\t1\r\n",
        b"\xef\xbb\xbfchrom chromStart chromEnd label\nchr1 10 20 1\n",
        gzip.compress(b"track name=x\nchrom\tchromStart\tchromEnd\tlabel\nchr1\t10\t20\t1\n"),
    ],
)
def test_names_stand_in_a_first_row_or_a_comment(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "peaks.bed"
    path.write_bytes(content)
    table = read_bed_table(path)
    assert [str(name).removeprefix("#") for name in table] == ["chrom", "chromStart", "chromEnd", "label"]
    assert table.to_numpy().tolist() == [["chr1", "10", "20", "1"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr1\t10\t20\nchr1\t10\n", r"peaks\.bed, line 2: 2 cells, but 3 columns \(chrom, start, end\)"),
        ("# note\nchr1\t10\n", r"line 2: 2 of the 3 columns that BED needs"),
        ("\t".join(["chr1", "1", "2", *"abcdefghij"]), r"line 1: 13 columns without names"),
        ("track name=x\n# nothing\n", "holds no interval"),
        ("chrom\tstart\tend\n", "has column names .* but no rows"),
        ("chrom\tstart\tstart\nchr1\t1\t2\n", "'start' is the name of more than one column"),
        ("", "is empty"),
        ("chr1\t1\t2\x00\n", "not a text table but binary"),
    ],
)
def test_bed_that_cannot_be_read_is_told(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "peaks.bed"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_bed_table(path)

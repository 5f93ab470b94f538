import gzip
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.messages import check_message

from dnagpt.errors import InputError
from dnagpt.genome.intervals import Contig, Interval, merge_intervals, read_bed, split_tail, subtract_intervals

intervals = st.builds(
    lambda contig, start, length: Interval(contig, start, start + length),
    st.sampled_from(["a", "b"]),
    st.integers(0, 40),
    st.integers(1, 20),
)


def bases(stretches: list[Interval] | tuple[Interval, ...]) -> set[tuple[str, int]]:
    return {(one.contig, position) for one in stretches for position in range(one.start, one.end)}


@given(st.lists(intervals, max_size=8))
def test_merging_keeps_every_base_and_joins_what_touches(stretches: list[Interval]) -> None:
    merged = merge_intervals(stretches)
    assert bases(merged) == bases(stretches)
    for left, right in pairwise(merged):
        assert left.contig < right.contig or left.end < right.start


@given(st.lists(intervals, max_size=8), st.lists(intervals, max_size=8))
def test_subtracting_takes_exactly_the_other_bases(stretches: list[Interval], removed: list[Interval]) -> None:
    left = subtract_intervals(stretches, removed)
    assert bases(left) == bases(stretches) - bases(removed)
    assert merge_intervals(left) == left


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.floats(0, 0.99))
def test_every_base_is_trained_on_or_held_out(lengths: list[int], fraction: float) -> None:
    contigs = [Contig(f"c{number}", length, 0) for number, length in enumerate(lengths)]
    training, held_out = split_tail(contigs, fraction)
    assert not bases(training) & bases(held_out)
    assert len(bases(training)) + len(bases(held_out)) == sum(lengths)
    for contig in contigs:
        tail = sum(one.length for one in held_out if one.contig == contig.name)
        assert tail == pytest.approx(contig.length * fraction, abs=0.5)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 2, float("nan")])
def test_a_fraction_is_a_part_of_one(fraction: float) -> None:
    with pytest.raises(InputError) as caught:
        split_tail([Contig("a", 10, 0)], fraction)
    check_message(caught.value, str(fraction))


@pytest.mark.parametrize(("contig", "start", "end"), [("a", -1, 5), ("a", 5, 5), ("a", 6, 5), ("", 0, 5)])
def test_an_interval_holds_bases(contig: str, start: int, end: int) -> None:
    with pytest.raises(InputError) as caught:
        Interval(contig, start, end)
    check_message(caught.value)


def test_bed_lines_in_order_with_comments_blanks_and_both_separators(tmp_path: Path) -> None:
    content = b'browser position chr1\ntrack name="x"\n#c\nchr2\t5\t9\tname\t0\t+\r\n\nchr1 0 3\nchr2\t5\t9\n'
    (tmp_path / "a.bed").write_bytes(content)
    (tmp_path / "b.bed").write_bytes(gzip.compress(content, mtime=0))
    expected = [Interval("chr2", 5, 9), Interval("chr1", 0, 3), Interval("chr2", 5, 9)]
    assert read_bed(tmp_path / "a.bed") == read_bed(tmp_path / "b.bed") == expected


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ("holds no interval",)),
        (b"# only a comment\n", ("holds no interval",)),
        (b"chr1\t0\t5\nchr1\t5\n", ("line 2", "2 of the 3 columns")),
        (b"chrom\tstart\tend\nchr1\t0\t5\n", ("line 1", "'start'", "begin with '#'")),
        (b"chr1\t0\t5\n\nchr1\t-1\t5\n", ("line 3", "'-1'")),
        (b"chr1\t1.5\t5\n", ("line 1", "'1.5'")),
        (b"chr1\t9\t5\n", ("line 1", "chr1:9-5", "0 <= start < end")),
        (b"chr1\t5\t5\n", ("line 1", "chr1:5-5")),
        (b"\t1\t5\n", ("line 1", "names no contig")),
        (b"caf\xe9\t1\t5\n", ("line 1", "UTF-8")),
        (b">chr1\nACGT\n", ("line 1", "1 of the 3 columns")),
        (b"\x00\x01\x02\t3\t4\n", ("line 1", "binary")),
        (gzip.compress(b"chr1\t0\t5\n", mtime=0)[:-5], ("cut short",)),
    ],
)
def test_bed_lines_that_are_no_interval_are_told(tmp_path: Path, content: bytes, parts: tuple[str, ...]) -> None:
    path = tmp_path / "x.bed"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_bed(path)
    check_message(caught.value, str(path), *parts)


def test_a_byte_order_mark_belongs_to_no_contig(tmp_path: Path) -> None:
    (tmp_path / "a.bed").write_bytes(b"\xef\xbb\xbfchr1\t0\t5\n")
    assert read_bed(tmp_path / "a.bed") == [Interval("chr1", 0, 5)]


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 20, str(2**63)])
def test_positions_over_64_bits_are_told(tmp_path: Path, digits: str) -> None:
    (tmp_path / "a.bed").write_text(f"chr1\t0\t5\nchr1\t0\t{digits}\n")
    message = rf"a\.bed, line 2: a position of {len(digits):,} digits, and no contig is that long\. Correct the line\."
    with pytest.raises(InputError, match=message):
        read_bed(tmp_path / "a.bed")

"""What is looked at in a VCF or BCF file before htslib reads it: htslib dies of some damage, and passes over other."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dnagpt.errors import InputError
from dnagpt.files.compressed import open_source
from dnagpt.files.recognition import quoted
from dnagpt.haplotypes.bcf_records import MAGIC, check_records
from dnagpt.haplotypes.legend import MOST_POSITION

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
_FIRST_SAMPLE = 9
_MOST_ALLELE_DIGITS = 5
_LARGE_ALLELE = re.compile(rb"(?:^|\t)[^:\t]*\d{%d}" % (_MOST_ALLELE_DIGITS + 1))
_PREFIXED = re.compile(rb"(^|\t)[|/]")


@contextmanager
def safe_to_read(path: Path) -> Iterator[Path]:
    """Give a file that htslib reads as it is meant: the file itself, or a copy without the phase prefixes of VCF 4.4.

    Raises InputError for lines of VCF that are no records (htslib ends the process for some of them and passes over
    others), for positions and alleles that htslib would read as other ones, for names that are not UTF-8, and for BCF
    records whose parts do not fit together. So a file is read twice.
    """
    if not _check(path):
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".vcf") as copy:
        _, file = open_source(path, streamed=True)
        with file:
            copy.writelines(map(_without_prefixes, file))
        copy.flush()
        yield Path(copy.name)


def _check(path: Path) -> bool:
    """Look at every record of a VCF or BCF file, and tell whether genotypes begin with their phase (VCF 4.4)."""
    _, file = open_source(path, streamed=True)
    columns, people, prefixed = 0, 0, False
    with file:
        if file.peek(len(MAGIC))[: len(MAGIC)] == MAGIC:
            check_records(file, str(path))
            return False
        for number, line in enumerate(file, start=1):
            where = f"{path}, line {number:,}"
            text = line.rstrip(b"\r\n")
            if text.startswith(b"#"):
                if columns:
                    raise InputError(
                        f"{where}: a line of the header stands behind the line #CHROM. Put it before that."
                    )
                _require_text(text, where)
                if not text.startswith(b"##"):
                    if not text.startswith(_COLUMNS):
                        raise InputError(
                            f"{path} is not VCF or BCF: line {number:,} does not name the columns CHROM, POS, ID, REF, "
                            "ALT, QUAL, FILTER and INFO. Choose another file."
                        )
                    columns = text.count(b"\t")
                    people = _count_people(text, where)
                continue
            if not columns:
                raise InputError(
                    f"{path} is not VCF or BCF: line {number:,} stands where a header with a line #CHROM is expected. "
                    "Choose another file."
                )
            found = text.count(b"\t")
            if found != columns:
                raise InputError(
                    f"{where} has {found + 1:,} columns, but the header names {columns + 1:,}. The file is damaged or "
                    "cut short; fetch it again."
                )
            prefixed |= _check_record(text.split(b"\t", _FIRST_SAMPLE), people, where)
    return prefixed


def _check_record(fields: list[bytes], people: int, where: str) -> bool:
    """Check one record, and tell whether a genotype of it begins with its phase."""
    _require_text(b"\t".join(fields[:8]), where)
    position = fields[1]
    if not position.isdigit() or len(position) > len(str(MOST_POSITION)) or int(position) > MOST_POSITION:
        raise InputError(
            f"{where}: {quoted(position[:20])} is not a position, a whole number up to {MOST_POSITION:,}. Correct it."
        )
    if not people or not fields[8].startswith(b"GT"):
        return False
    genotypes = fields[_FIRST_SAMPLE]
    usual = fields[8] == b"GT" and len(genotypes) == 4 * people - 1  # `0|1` of everybody
    if not usual and _LARGE_ALLELE.search(genotypes):
        raise InputError(f"{where}: a genotype has an allele of more than {_MOST_ALLELE_DIGITS} digits. Correct it.")
    return genotypes[:1] in {b"|", b"/"} or b"\t|" in genotypes or b"\t/" in genotypes


def _count_people(line: bytes, where: str) -> int:
    names = line.decode().split("\t")[_FIRST_SAMPLE:]
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise InputError(f"{where}: the sample '{name}' is named {count} times. Give each column a name of its own.")
    return len(names)


def _require_text(line: bytes, where: str) -> None:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        wrong = quoted(line[max(0, error.start - 10) : error.end + 5])
        raise InputError(
            f"{where}: {wrong} is not UTF-8, as VCF must be. Convert the file, as with iconv -f latin1 -t utf8."
        ) from error
    if b"\0" in line:
        raise InputError(f"{where}: there is a zero byte. The file is damaged; fetch it again.")


def _without_prefixes(line: bytes) -> bytes:
    """Take the phase before the first allele off each genotype, as htslib 1.22 and newer read it."""
    if line.startswith(b"#"):
        return line
    fields = line.split(b"\t", _FIRST_SAMPLE)
    if len(fields) > _FIRST_SAMPLE and fields[8].startswith(b"GT"):
        fields[_FIRST_SAMPLE] = _PREFIXED.sub(rb"\1", fields[_FIRST_SAMPLE])
    return b"\t".join(fields)

"""What a file really is, told from its first bytes."""

from __future__ import annotations

TWOBIT_SIGNATURES = (b"\x43\x27\x41\x1a", b"\x1a\x41\x27\x43")
HEAD_LENGTH = 512

# First bytes -> (what it is, what to do). The first match counts.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "compressed twice with gzip", "unpack it once with `gzip -d`"),
    (b"BZh", "a bzip2 archive", "unpack it with `bunzip2`, or use gzip or bgzip"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it with `unxz`, or use gzip or bgzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it with `zstd -d`, or use gzip or bgzip"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "unzip it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document", "save it as CSV or plain text"),
    (b"%PDF", "a PDF document", "give the data file itself"),
    (b"PAR1", "a Parquet table", "name it .parquet and give it where a table is asked for"),
    (b"BAM\x01", "a BAM file", "convert it with `samtools fasta`"),
    (b"CRAM", "a CRAM file", "convert it with `samtools fasta`"),
    (b"BCF", "a BCF file", "give the sequences or the table that belongs here"),
    (b"##fileformat=VCF", "a VCF file", "give the sequences or the table that belongs here"),
    (b"@HD\t", "a SAM file", "convert it with `samtools fasta`"),
    (b"@SQ\t", "a SAM file", "convert it with `samtools fasta`"),
    (b"@", "FASTQ", "convert it to FASTA first, for example with `seqtk seq -a`"),
    (b"LOCUS ", "a GenBank file", "download it as FASTA"),
    (b"ID   ", "an EMBL file", "download it as FASTA"),
    (b"<", "a web page or XML", "the download probably failed; fetch the file again"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file", "fetch the file with `git lfs pull`"),
    (b"\xff\xfe", "UTF-16 text", "save it as plain text (UTF-8)"),
    (b"\xfe\xff", "UTF-16 text", "save it as plain text (UTF-8)"),
)


def recognise(head: bytes) -> tuple[str, str] | None:
    r"""Say what a file is from its first bytes and what to do about it; None when it may be plain text.

    >>> recognise(b"@read1\nACGT\n+\nIIII\n")[0]
    'FASTQ'
    >>> recognise(b"ACGT\nACGT\n") is None
    True
    """
    if head[:4] in TWOBIT_SIGNATURES:
        return "a .2bit genome", "give it unpacked where a genome is asked for, or convert it with `twoBitToFa`"
    for signature, kind, advice in _SIGNATURES:
        if head.startswith(signature):
            return kind, advice
    return ("binary data", "give a text file") if is_binary(head) else None


def is_binary(text: bytes) -> bool:
    r"""Whether bytes hold control characters that no text file has.

    >>> is_binary(b"ACGT\r\n\tACGT"), is_binary(b"AC\x00\x01")
    (False, True)
    """
    return bool(text.translate(None, _TEXT_BYTES))


_TEXT_BYTES = bytes([9, 10, 11, 12, 13, *range(0x20, 0x7F), *range(0x80, 0x100)])


def quoted(text: bytes) -> str:
    r"""Offending bytes as a reader can see them, control characters escaped.

    >>> quoted(b"AC\x00"), quoted(b"it's")
    ("'AC\\x00'", '"it\'s"')
    """
    try:
        return repr(text.decode("utf-8"))
    except UnicodeDecodeError:
        return repr(bytes(text)).removeprefix("b")

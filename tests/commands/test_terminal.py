"""Names from files on the terminal: nothing steers it, and none that is not UTF-8 stops a command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands.calls import call, call_process, check_complaint, done, small

from dnagpt.errors import InputError, visible
from dnagpt.evaluation.report.page import Table
from dnagpt.runs.outputs import print_table

STEERING = "\x1b[2J\x9b31m\x07\r\b\u202e\u2066\x00"


def test_what_steers_a_terminal_is_written_out() -> None:
    assert visible(STEERING) == r"\x1b[2J\x9b31m\x07\r\x08\u202e\u2066\x00"
    assert visible("two\nlines, é, 🧬") == "two\nlines, é, 🧬"
    assert visible("caf\udce9") == r"caf\udce9"
    assert str(InputError(f"no contig '{STEERING}'")).isprintable()


def test_names_in_tables_are_neither_commands_nor_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(Table(("[red]model", "\x1b[2Jmcc"), (("[/x]", 0.5), ("\x1b]0;title\x07", None))))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[red]model" in shown
    assert r"\x1b[2Jmcc" in shown
    assert "[/x]" in shown
    assert "0.500" in shown


def test_messages_about_files_do_not_steer_the_terminal(here: Path, finetuned: Path) -> None:
    (here / "sites.csv").write_text("id,\x9b2Jsequence\n1,ACGT\n", encoding="utf-8")
    finished = call_process("predict", finetuned, "sites.csv", folder=here)
    assert finished.code == 2
    assert r"\x9b2Jsequence" in finished.err
    assert "\x9b" not in finished.err


def test_warnings_do_not_steer_the_terminal(here: Path, pretrained: Path) -> None:
    (here / "\x1b[2Jgenome.fa").write_text(">chr1\n" + "ACGT" * 5000 + "R\n")
    finished = call_process("evaluate", pretrained, "\x1b[2Jgenome.fa", "--species", "K", "--quiet", folder=here)
    assert finished.code == 0, finished.err
    assert r"\x1b[2Jgenome.fa: 1 ambiguity codes" in finished.err
    assert "\x1b" not in finished.err


def test_a_result_on_a_terminal_does_not_steer_it(here: Path) -> None:
    write = "import pandas as pd; from dnagpt.files.tables import write_table; "
    write += r"write_table(pd.DataFrame({'name': ['\x1b[2J', 'caf\u00e9']}), '-')"
    reader, terminal = os.openpty()
    with os.fdopen(reader, "rb", buffering=0) as shown:
        subprocess.run([sys.executable, "-c", write], stdout=terminal, check=True, cwd=here)
        os.close(terminal)
        assert shown.read(100).decode().splitlines() == ["name", r"\x1b[2J", "café"]
    piped = subprocess.run([sys.executable, "-c", write], capture_output=True, check=True, cwd=here)
    assert piped.stdout.decode() == "name\n\x1b[2J\ncafé\n"


@pytest.fixture
def latin(tmp_path: Path) -> Path:
    """A folder whose name is not UTF-8."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    return folder


def test_files_whose_names_are_not_utf8_are_read(
    latin: Path, genome: Path, pretrained: Path, finetuned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (latin / os.fsdecode(b"s\xeftes.csv")).write_text("sequence\nACGT\nGGGC\n")
    (latin / os.fsdecode(b"g\xe9nome.fa")).write_bytes(genome.read_bytes())
    monkeypatch.chdir(latin)
    table = done("predict", finetuned, latin / os.fsdecode(b"s\xeftes.csv"), "--quiet")
    assert [line.split(",")[0] for line in table.splitlines()] == ["sequence", "ACGT", "GGGC"]
    done("evaluate", pretrained, os.fsdecode(b"g\xe9nome.fa"), "--species", "K", "--quiet", "-o", "report")
    assert "g\\udce9nome.fa" in (latin / "report" / "report.html").read_text(encoding="utf-8")


def test_names_that_a_run_cannot_keep_are_refused_before_it(latin: Path, genome: Path, pretrained: Path) -> None:
    copy = latin / os.fsdecode(b"g\xe9nome.fa")
    copy.write_bytes(genome.read_bytes())
    before = sorted(latin.iterdir())
    kept = "settings of a run are kept as UTF-8 text"
    run = latin.parent / "run"
    check_complaint(call("pretrain", "--fasta", f"K={copy}", "-o", run, *small()), r"corpus.species.0.path", kept)
    check_complaint(
        call("finetune", "--table", copy, "--template", "<K>{sequence}<=><B>{rich?:boolean}", "-o", run), kept
    )
    check_complaint(call("pretrain", "--fasta", f"K={genome}", "-o", latin, *small()), r"caf\udce9", "not UTF-8")
    check_complaint(call("generate", pretrained, "<K>{window?:sequence}", "-o", copy), r"g\udce9nome.fa", "not UTF-8")
    assert not run.exists()
    assert sorted(latin.iterdir()) == before


TOO_LARGE = "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30,) * 2)"


def test_too_little_memory_is_a_sentence(here: Path, pretrained: Path) -> None:
    wide = ["--set", "model.width=100000", "--set", "model.heads=1", "--set", "model.layers=1"]
    (here / "g.fa").write_text(">a\n" + "ACGT" * 5000 + "\n")
    finished = call_process(
        "pretrain", "--fasta", "K=g.fa", "-o", "run", "--quiet", *wide, folder=here, program=TOO_LARGE
    )
    check_complaint(finished, "not enough memory", code=1)

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from dnagpt.data.corpus import CorpusConfig, SpeciesSource, open_corpus
from dnagpt.errors import InputError
from dnagpt.genome.intervals import Interval


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNAGPT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "worm.fa"
    path.write_text(">one\n" + "ACGT" * 25 + "\n>two\n" + "acgtR" * 10 + "\n")
    return path


def test_the_end_of_every_contig_is_held_out(fasta: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="dnagpt"):
        (worm,) = open_corpus(CorpusConfig(species=(SpeciesSource(letter="K", path=fasta),)))
    assert (worm.letter, worm.label, worm.weight) == ("K", "worm", 135.0)
    assert worm.training == (Interval("one", 0, 90), Interval("two", 0, 45))
    assert worm.held_out == (Interval("one", 90, 100), Interval("two", 45, 50))
    assert worm.codes(Interval("two", 0, 5)).tolist() == [1, 3, 2, 4, 0]
    assert "R 10" in caplog.text


def test_a_bed_file_says_what_is_held_out(fasta: Path, tmp_path: Path) -> None:
    bed = tmp_path / "held_out.bed"
    bed.write_text("one\t10\t20\none\t15\t30\n")
    source = SpeciesSource(letter="K", path=fasta, held_out=bed, name="C. elegans", weight=2.5)
    (worm,) = open_corpus(CorpusConfig(species=(source,)))
    assert worm.held_out == (Interval("one", 10, 30),)
    assert worm.training == (Interval("one", 0, 10), Interval("one", 30, 100), Interval("two", 0, 50))
    assert (worm.label, worm.weight) == ("C. elegans", 2.5)


@pytest.mark.parametrize(("alpha", "weight"), [(0.0, 1.0), (1.0, 135.0), (0.5, 135.0**0.5)])
def test_species_weigh_by_a_power_of_their_size(fasta: Path, alpha: float, weight: float) -> None:
    (worm,) = open_corpus(CorpusConfig(species=(SpeciesSource(letter="K", path=fasta),), alpha=alpha))
    assert worm.weight == pytest.approx(weight)


@pytest.mark.parametrize(("line", "part"), [("one\t50\t101", "leaves its contig"), ("six\t0\t5", "no contig 'six'")])
def test_a_bed_file_of_another_genome_is_refused(fasta: Path, tmp_path: Path, line: str, part: str) -> None:
    bed = tmp_path / "held_out.bed"
    bed.write_text(line + "\n")
    with pytest.raises(InputError, match=part):
        open_corpus(CorpusConfig(species=(SpeciesSource(letter="K", path=fasta, held_out=bed),)))


def test_something_must_be_left_to_train_on(fasta: Path, tmp_path: Path) -> None:
    bed = tmp_path / "held_out.bed"
    bed.write_text("one\t0\t100\ntwo\t0\t50\n")
    with pytest.raises(InputError, match="nothing is left to train on"):
        open_corpus(CorpusConfig(species=(SpeciesSource(letter="K", path=fasta, held_out=bed),)))


def test_a_corpus_has_a_species() -> None:
    with pytest.raises(ValidationError):
        CorpusConfig(species=())

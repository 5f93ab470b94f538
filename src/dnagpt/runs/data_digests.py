"""Which data a run reads: the digest of every file, so that a run goes on with the same data only."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dnagpt.data.corpus import CorpusConfig, Species
from dnagpt.data.records.files import source_files
from dnagpt.data.records.settings import DataConfig
from dnagpt.files.compressed import file_sha256
from dnagpt.genome.index import open_genome
from dnagpt.store.folder import MODEL_FILES


def labelled_digests(configs: Sequence[DataConfig], base: Path | None) -> dict[str, str]:
    """Give the SHA-256 of every file that records, and the model folder `base`, are read from, by its name.

    A genome's digest comes from its index; other files are read whole, which takes about a second a GB.
    """
    files = {file.path for config in configs for file in source_files(config)}
    if base is not None:
        files |= {path for pattern in MODEL_FILES for path in base.glob(pattern)}
    genomes = {config.genome for config in configs if config.genome is not None}
    return {**_of_files(files), **{str(path): open_genome(path).sha256 for path in genomes}}


def corpus_digests(config: CorpusConfig, corpus: Iterable[Species]) -> dict[str, str]:
    """Give the SHA-256 of every genome, and of every BED file of what is held out, by its name."""
    held_out = {source.held_out for source in config.species if source.held_out is not None}
    return {**_of_files(held_out), **{str(species.genome.path): species.genome.sha256 for species in corpus}}


def _of_files(paths: Iterable[Path]) -> dict[str, str]:
    return {str(path): file_sha256(path) for path in sorted(paths) if path.is_file()}

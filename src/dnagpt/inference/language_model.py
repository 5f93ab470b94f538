"""A model as a Python object: load a folder, ask it, let it write."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dnagpt.data.records.checks import require_sequences
from dnagpt.data.records.settings import MISSING_VALUES
from dnagpt.errors import InputError
from dnagpt.files.tables import index_as_columns
from dnagpt.inference.haplotypes import GeneratedHaplotypes, generate_haplotypes, haplotype_language, shared_out
from dnagpt.inference.predict import answers, predict
from dnagpt.inference.sampling import Sampling
from dnagpt.inference.sequences import generate_sequences
from dnagpt.language.ambiguity import ambiguity_message, ambiguous_letters
from dnagpt.store.folder import load_model
from dnagpt.store.model import Model
from dnagpt.tasks import Task

logger = logging.getLogger("dnagpt")


@dataclass(frozen=True)
class LanguageModel:
    """A trained model that answers and writes; `dnagpt.load` makes one."""

    model: Model
    """Network, vocabulary, tasks and provenance."""

    def predict(
        self, records: Sequence[str] | Sequence[Mapping[str, object]] | pd.DataFrame, *, task: str | None = None,
        precision: str = "float32", missing_values: Sequence[str] = MISSING_VALUES,
    ) -> pd.DataFrame:  # fmt: skip
        """Answer for sequences, or for records with all fields of a task: one row each, in the same order.

        The columns are `predicted_<field>`, and `probability_<option>` where options are chosen from; the index is that
        of the data frame that was given. Ambiguity codes that are read as N are counted in a warning. `precision` is
        float32, bfloat16 or auto, as in `dnagpt predict`. InputError where a sequence is one of `missing_values`, in
        either case: give `[]` where these are letters of sequences.
        """
        asked = self.model.task(task)
        given = self._records(records, asked.template.given_columns)
        _refuse_missing(asked, given, missing_values)
        self._report_ambiguous(asked, given)
        predictions = predict(self.model, asked, given, precision=precision)
        index = records.index if isinstance(records, pd.DataFrame) else None
        return pd.DataFrame(answers(asked, predictions), index=index)

    def generate(
        self, template: str, *, num_samples: int = 1, max_tokens: int = 100, temperature: float = 1.0,
        top_k: int = 0, top_p: float = 1.0, seed: int = 0, precision: str = "float32",
    ) -> list[str]:  # fmt: skip
        """Write the answered sequence of a template several times; the same seed gives the same sequences."""
        return generate_sequences(
            self.model, template, count=num_samples, max_tokens=max_tokens,
            sampling=Sampling(temperature, top_k, top_p), seed=seed, precision=precision,
        )  # fmt: skip

    def generate_haplotypes(
        self, counts: int | Mapping[str, int], *, task: str | None = None, temperature: float = 1.0, top_k: int = 0,
        top_p: float = 1.0, seed: int = 0, precision: str = "float32",
    ) -> GeneratedHaplotypes:  # fmt: skip
        """Write haplotypes as a task was taught them: so many of each population, or in all, shared out as taught."""
        asked = self.model.task(task)
        language = haplotype_language(asked)
        shares: Mapping[str | None, int] = (
            shared_out(language, counts) if isinstance(counts, int) else {str(name): n for name, n in counts.items()}
        )
        return generate_haplotypes(
            self.model, asked, counts=shares, sampling=Sampling(temperature, top_k, top_p), seed=seed,
            precision=precision,
        )  # fmt: skip

    def _report_ambiguous(self, task: Task, records: Sequence[Mapping[str, object]]) -> None:
        fields = [item.name for item in task.template.given if item.kind == "sequence"]
        texts = ["".join(text for name in fields if isinstance(text := row.get(name), str)) for row in records]
        vocabulary = self.model.vocabulary
        found = [ambiguous_letters(vocabulary, text) for text in texts]
        if message := ambiguity_message(vocabulary, found, "records"):
            logger.warning(message)

    @staticmethod
    def _records(
        records: Sequence[str] | Sequence[Mapping[str, object]] | pd.DataFrame, columns: Sequence[str]
    ) -> list[Mapping[str, object]]:
        if isinstance(records, str):
            raise InputError("Give a list of sequences, even for one: [sequence].")
        if isinstance(records, pd.DataFrame):
            table = index_as_columns(records)
            return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
        if len(columns) != 1 and any(isinstance(record, str) for record in records):
            raise InputError(f"The task needs {', '.join(columns)} of each record. Give mappings or a data frame.")
        return [{columns[0]: record} if isinstance(record, str) else record for record in records]


def _refuse_missing(task: Task, records: Sequence[Mapping[str, object]], missing_values: Sequence[str]) -> None:
    """Refuse records in which a word such as `NA` stands where a sequence is missing."""
    columns = [item.name for item in task.template.given if item.kind == "sequence"]
    cells = pd.DataFrame({name: [record.get(name) for record in records] for name in columns}, dtype=object)
    names = [f"record {number}" for number in range(1, len(records) + 1)]
    require_sequences(cells, columns, names, missing_values)


def load(folder: str | Path, *, device: str = "cpu") -> LanguageModel:
    """Open a model folder, strictly: weights, vocabulary, tasks and transforms."""
    return LanguageModel(load_model(folder, device=device))

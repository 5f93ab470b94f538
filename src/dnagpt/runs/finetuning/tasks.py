"""The tasks of a run with their records: read, checked, divided and scaled."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dnagpt.data.haplotypes import read_haplotype_records
from dnagpt.data.records.duplicates import repeating, sequence_keys
from dnagpt.data.records.labelled import Labelled, leak_note, read_labelled, unlearnt_choices
from dnagpt.data.records.settings import DataConfig, Part
from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.runs.finetuning.settings import FinetuneSettings, TaskSettings
from dnagpt.tasks import Task, Transform
from dnagpt.tasks.task import field_numbers, true_classes

logger = logging.getLogger("dnagpt")


@dataclass(frozen=True)
class TaskRecords:
    """One task of a run: what is asked, of which records, and what it is tested on besides."""

    task: Task
    settings: TaskSettings
    labelled: Labelled
    tests: Mapping[str, Labelled]
    """Further data, by name; what stands in training there is what stands in the training part of this task."""
    first_mark: int
    """The answers of the tasks before it in the run, all counted."""

    @property
    def windows(self) -> int:
        """In how many rows a record is taught: the windows of a haplotype, one of anything else."""
        return 1 if self.task.haplotypes is None else len(self.task.haplotypes.spans)

    @property
    def judged(self) -> Part:
        """The part by which training is judged: validation, or training where there is none."""
        return "validation" if self.labelled.parts["validation"] else "train"

    @property
    def scored(self) -> Part:
        """The part that scores are of: the test, or where there is none, that by which training is judged."""
        return "test" if self.labelled.parts["test"] else self.judged


def read_tasks(settings: FinetuneSettings, vocabulary: Vocabulary | None = None) -> list[TaskRecords]:
    """Read the records of every task, and fit what is fitted on the training records alone.

    `vocabulary` says how the model reads letters; without it, the one that the settings name for a new network.
    """
    vocabulary = vocabulary or Vocabulary.preset(settings.vocabulary)
    found: list[TaskRecords] = []
    mark = 0
    for name, one in settings.tasks.items():
        transforms = {field: Transform.parse(text) for field, text in one.transforms.items()}
        task = Task(name, Template.parse(one.template), transforms, one.views)
        labelled = _labelled(one.data, task, vocabulary)
        refuse_single_class(task, labelled.part("train"), "The training records")
        tests = {test: _further_test(test, config, task, labelled) for test, config in one.tests.items()}
        of_task = TaskRecords(_fitted(task, labelled), one, labelled, tests, mark)
        found.append(_with_notes(of_task, [*_notes_of_scores(of_task), *_notes_of_tests(of_task)]))
        mark += len(task.template.answered)
    return found


def _labelled(config: DataConfig, task: Task, vocabulary: Vocabulary) -> Labelled:
    return (
        read_labelled(config, task, vocabulary) if config.haplotypes is None else read_haplotype_records(config, task)
    )


def _further_test(name: str, config: DataConfig, task: Task, own: Labelled) -> Labelled:
    """Read further test data, and see which of its records stand in the training part of the run."""
    further = _labelled(config, task, own.vocabulary)
    if not further.parts["test"]:
        raise InputError(f"tests.{name} of the task {task.name!r} has no test records. Correct its data settings.")
    columns = [item.name for item in task.template.given if item.kind == "sequence"]
    parts = (further.part("test"), own.part("train"))
    asked, known = (sequence_keys(pd.DataFrame(part), columns, own.vocabulary) for part in parts)
    repeated = repeating(asked, known, own.duplicate_level, own.near_threshold)
    return replace(further, in_training={"test": repeated} if columns else {})


def _notes_of_tests(one: TaskRecords) -> list[str]:
    """Say how many records of further test data stand in training, and how many answers are never taught."""
    notes: list[str] = []
    for name, labelled in one.tests.items():
        what = f"test records of tests.{name}"
        repeated = labelled.in_training.get("test", np.zeros(0, dtype=bool))
        if repeated.any():
            notes.append(leak_note(one.labelled.duplicate_level, repeated, what))
        notes += unlearnt_choices(one.task.template, one.labelled.part("train"), labelled.part("test"), what)
    return notes


def _notes_of_scores(one: TaskRecords) -> list[str]:
    """Say so where scores are not those of test records; those of haplotypes are given for every part by name."""
    judged_by_answers = any(item.kind != "sequence" for item in one.task.template.answered)
    if one.scored == "test" or not judged_by_answers:
        return []
    named = "training" if one.scored == "train" else one.scored
    beside = f"Task {one.task.name}: there are no test records, so the scores are of the {named} records"
    if one.scored == "train":
        return [f"{beside}, which the model was taught with: they do not say how well it answers for new ones."]
    return [f"{beside}, by which the weights that are kept were chosen: they are somewhat flattered."]


def _with_notes(one: TaskRecords, notes: Sequence[str]) -> TaskRecords:
    for note in notes:
        logger.warning("%s", note)
    return replace(one, labelled=replace(one.labelled, notes=(*one.labelled.notes, *notes)))


def refuse_single_class(task: Task, records: Sequence[Mapping[str, object]], where: str) -> None:
    """Refuse records that all have the same answer, from which nothing can be learnt."""
    for item in task.template.answered:
        if records and item.kind in ("boolean", "choice") and len(set(true_classes(records, item).tolist())) == 1:
            raise InputError(
                f"{where} ({len(records):,}) all have {str(records[0][item.name])!r} as {item.name}: there is nothing "
                "to tell apart. Add records of another class."
            )


def _fitted(task: Task, labelled: Labelled) -> Task:
    """Fit means and deviations on the training records alone."""
    fields = {item.name: item for item in task.template.fields}

    def numbers(name: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        places = labelled.parts["train"]
        values = [field_numbers(fields[name], labelled.records[place], labelled.names[place]) for place in places]
        return np.array(values, dtype=np.float64)

    fitted = {
        name: transform.fit(numbers(name), name=name) if name in fields else transform
        for name, transform in task.transforms.items()
    }
    return replace(task, transforms=fitted)

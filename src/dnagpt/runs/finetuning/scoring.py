"""How well each method answers each question of a task, on each set of test records: numbers only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dnagpt.baselines.cnn import convolutional_baseline, convolutional_regression
from dnagpt.baselines.gc_and_kmers import gc_baseline, gc_regression, kmer_baseline, kmer_regression
from dnagpt.data.records.settings import Part
from dnagpt.evaluation.metrics.scores import Answers, Floats, Question, Record, TestSet, questions
from dnagpt.inference.predict import Prediction
from dnagpt.runs.finetuning.tasks import TaskRecords
from dnagpt.tasks import Task

CNN_EPOCHS = 12


def model_answers(predictions: Mapping[str, Sequence[Prediction]]) -> Answers:
    """Lay the answers of models out question by question; the models' names are the methods."""
    found: Answers = {}
    for name, of_model in predictions.items():
        for prediction in of_model:
            for place in range(prediction.item.count):
                question = Question(prediction.item, place)
                numbers = prediction.probabilities if question.options else prediction.numbers[:, place]
                found.setdefault(question, {})[name] = numbers
    return found


def yardstick_answers(
    task: Task, train: Sequence[Record], validation: Sequence[Record], asked: Sequence[Record],
    wanted: Sequence[str], *, seed: int, done: Callable[[int], None] = lambda _: None,
) -> Answers:  # fmt: skip
    """Fit what is known without a language model on the training records, and let it answer.

    GC content, 4-mers and the small convolutional network see the letters of the given sequences alone: of several,
    all in the order of the template with an N between two, which no 4-mer reaches across. They are left out where a
    task gives none.
    """
    names = [item.name for item in task.template.given if item.kind == "sequence"]
    if not names or not train:
        return {}
    known, judged, asked_of = (
        ["N".join(str(record[name]) for name in names) for record in part] for part in (train, validation, asked)
    )
    found: Answers = {question: {} for question in questions(task)}
    for question, methods in found.items():
        truth, judged_truth = (_in_models_unit(task, question, question.truth(part)) for part in (train, validation))
        classes = len(question.options)
        if "cnn" in wanted:
            settings: dict[str, Any] = {"epochs": CNN_EPOCHS, "seed": seed, "done": done}
            methods["small CNN"] = (
                convolutional_baseline(known, truth, judged, judged_truth, asked_of, classes=classes, **settings)
                if classes
                else convolutional_regression(known, truth, judged, judged_truth, asked_of, **settings)
            )
        if "kmers" in wanted and classes:
            methods["4-mer logistic regression"] = kmer_baseline(known, truth, asked_of, classes=classes)
        elif "kmers" in wanted:
            methods["4-mer ridge regression"] = kmer_regression(known, truth, asked_of)
        if "gc" in wanted and classes:
            methods["GC content only"] = gc_baseline(known, truth, asked_of, classes=classes)
        elif "gc" in wanted:
            methods["GC content only"] = gc_regression(known, truth, asked_of)
        found[question] = {name: _in_users_unit(task, question, said) for name, said in methods.items()}
    return found


def _in_models_unit(task: Task, question: Question, truth: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Scale the true numbers as the model has them: a yardstick of logarithms is not to be fitted on their powers."""
    transform = task.transforms.get(question.item.name)
    if transform is None or question.options:
        return truth
    every = np.repeat(truth[:, None], question.item.count, axis=1)
    return transform.apply(every, name=question.column)[:, question.place]


def _in_users_unit(task: Task, question: Question, said: Floats) -> Floats:
    if question.options or question.item.name not in task.transforms:
        return said
    every: Floats = task.in_users_unit(question.item.name, np.repeat(said[:, None], question.item.count, axis=1))
    return every[:, question.place]


def test_sets(one: TaskRecords, part: Part) -> Iterator[TestSet]:
    """Name the sets among the records answered, in order: the part itself and further data, each with its clean subset.

    The clean subset is what does not stand in training, where that is some of the records but not all.
    """
    count = len(one.labelled.parts[part])
    groups = one.labelled.groups
    own = None if groups is None else [groups[place].strip() or "not named" for place in one.labelled.parts[part]]
    yield TestSet(part, slice(0, count), own)
    yield from _clean_subset(part, one.labelled.in_training.get(part), 0)
    for name, labelled in one.tests.items():
        more = len(labelled.parts["test"])
        yield TestSet(name, slice(count, count + more))
        yield from _clean_subset(name, labelled.in_training.get("test"), count)
        count += more


def _clean_subset(name: str, repeated: "np.ndarray[Any, np.dtype[np.bool_]] | None", begin: int) -> Iterator[TestSet]:
    if repeated is not None and repeated.any() and not repeated.all():
        yield TestSet(f"{name}, not in training", begin + np.flatnonzero(~repeated))

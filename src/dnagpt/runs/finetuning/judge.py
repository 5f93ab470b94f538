"""Validation: how well the present weights answer the records by which training is judged."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dnagpt.evaluation.metrics.classification import classification_metrics
from dnagpt.evaluation.metrics.regression import regression_metrics
from dnagpt.inference.answers import Readings, read_answers
from dnagpt.inference.predict import mean_of_views
from dnagpt.language.template import Rows
from dnagpt.runs.finetuning.checks import judging_metric
from dnagpt.runs.finetuning.examples import record_rows
from dnagpt.runs.finetuning.tasks import TaskRecords
from dnagpt.store.model import Model
from dnagpt.tasks.task import true_classes
from dnagpt.training import AnswerLoss


@dataclass(frozen=True)
class Judged:
    """The records by which training is judged, in one strand and one frame, written as rows."""

    one: TaskRecords
    records: Sequence[Mapping[str, object]]
    rows: Sequence[Sequence[Rows]]
    weights: Sequence[float]
    """The weight of each answer in the loss."""

    @classmethod
    def of(cls, model: Model, one: TaskRecords, losses: Sequence[AnswerLoss]) -> "Judged":
        """Write the records of the part by which training is judged."""
        plain = replace(one.task, views=one.task.views.model_copy(update={"both_strands": False, "frames": 1}))
        places = one.labelled.parts[one.judged]
        rows = [record_rows(model, replace(one, task=plain), place) for place in places]
        own = losses[one.first_mark : one.first_mark + len(one.task.template.answered)]
        return cls(one, one.labelled.part(one.judged), rows, [loss.weight for loss in own])


def validation_metrics(model: Model, judged: Sequence[Judged], precision: str) -> dict[str, float]:
    """Judge the present weights: the loss and the usual scores of each task, and their mean where there are several.

    As in training, the loss is `sum over answers of weight * share * mean`, `share` that of the task in all records;
    classes count alike in it, whatever their weights in training.
    """
    found = [_task_scores(model, one, precision) for one in judged]
    if not all(math.isfinite(scores["loss"]) for scores in found):
        return {"loss": math.nan}
    if len(judged) == 1:
        return found[0]
    metrics = {f"{one.one.task.name}/{name}": value for one, scores in zip(judged, found, strict=True)
               for name, value in scores.items()}  # fmt: skip
    count = sum(len(one.records) for one in judged)
    metrics["loss"] = sum(scores["loss"] * len(one.records) / count for one, scores in zip(judged, found, strict=True))
    chosen = [judging_metric(one.one.task.name, one.one.settings.metric, list(scores))
              for one, scores in zip(judged, found, strict=True)]  # fmt: skip
    scored = [scores[name] for name, scores in zip(chosen, found, strict=True) if name is not None]
    return {**metrics, "score": float(np.mean(scored))} if scored else metrics


def _task_scores(model: Model, judged: Judged, precision: str) -> dict[str, float]:
    rows = [row for of_record in judged.rows for row in of_record]
    counts = list(map(len, judged.rows))
    every = read_answers(model, judged.one.task, rows, precision=precision)
    firsts = [of_record[0] for of_record in judged.rows]
    means = [float(np.mean([losses.mean() for losses in reading.losses])) for reading in every]
    metrics = {"loss": sum(weight * mean for weight, mean in zip(judged.weights, means, strict=True))}
    for place, reading in enumerate(every, start=1):
        if reading.field.kind == "sequence" or not math.isfinite(metrics["loss"]):
            continue  # several windows, not views of one answer; or a network that has diverged
        scores = _answer_scores(mean_of_views(reading, counts), judged.records, firsts, place)
        prefix = f"{reading.field.name}_" if len(every) > 1 else ""
        metrics |= {prefix + name: value for name, value in scores.items()}
    return metrics


def _answer_scores(
    reading: Readings, records: Sequence[Mapping[str, object]], rows: Sequence[Rows], place: int
) -> Mapping[str, float]:
    if reading.field.kind == "number":
        truth = np.stack([row.numbers[row.answer == place] for row in rows])
        said = np.stack(reading.numbers)
        each = [regression_metrics(truth[:, n], said[:, n]).scores() for n in range(reading.field.count)]
        return {name: float(np.mean([scores[name] for scores in each])) for name in each[0]}
    chances = np.stack([row[0] for row in reading.probabilities])
    return classification_metrics(true_classes(records, reading.field), chances).scores()

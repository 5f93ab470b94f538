"""What a fine-tuning came to, for people and programs: report.html, metrics.json, scores.csv, predictions.csv."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dnagpt.data.records.settings import DataConfig, Part
from dnagpt.data.records.split_report import split_report
from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.scores import Answers, Score, TestSet, questions, score_answers
from dnagpt.evaluation.plots.scores import attention_plot
from dnagpt.evaluation.plots.scores import learning_curves as draw_learning_curves
from dnagpt.evaluation.report.page import Figure, Headline, Section, write_report
from dnagpt.evaluation.report.scores import headlines_of, score_sections, split_section
from dnagpt.evaluation.report.tables import ScoreRow, score_rows
from dnagpt.files.tables import write_table
from dnagpt.inference.attention import attention_profile
from dnagpt.inference.predict import Prediction, answers, predict
from dnagpt.runs.finetuning.haplotype_report import (
    haplotype_headlines,
    haplotype_metrics,
    haplotype_nats,
    haplotype_rows,
    haplotype_section,
    write_people,
)
from dnagpt.runs.finetuning.scoring import CNN_EPOCHS, model_answers, test_sets, yardstick_answers
from dnagpt.runs.finetuning.tasks import TaskRecords
from dnagpt.runs.outputs import write_scores
from dnagpt.runs.progress import counting
from dnagpt.store.model import Model
from dnagpt.tasks import Task
from dnagpt.training import RunFolder, read_metrics

ATTENTION_RECORDS = 400
"""Records over which attention is averaged, at most."""


@dataclass(frozen=True)
class Finetuned:
    """What a fine-tuning run came to."""

    model: Path
    """The folder of its best model."""
    metrics: Mapping[str, Any]
    """What metrics.json holds."""
    sections: Sequence[Section]
    """The scores as parts of a report."""
    headlines: Sequence[Headline]
    """The few numbers that sum them up."""
    rows: Sequence[ScoreRow] = ()
    """What scores.csv holds."""


def report_tasks(
    taught: Mapping[str, Model], tasks: Sequence[TaskRecords], run: RunFolder, output: Path, beside: Sequence[str],
    about_training: str = "", *, seed: int, quiet: bool,
) -> Finetuned:  # fmt: skip
    """Answer the test records of every task, score them beside the yardsticks, and write it all to `output`.

    `taught` are the models by name, the one that the run is about first; `about_training` is told beside the losses.
    """
    found = [
        _report_task(taught, one, run, output, beside, several=len(tasks) > 1, seed=seed, quiet=quiet) for one in tasks
    ]
    sections = [section for one in found for section in one.sections]
    headlines = [headline for one in found for headline in one.headlines]
    rows = [row for one in found for row in one.rows]
    metrics = {"tasks": {one.task.name: scored.metrics for one, scored in zip(tasks, found, strict=True)}}
    model = next(iter(taught.values()))
    write_report(
        output / "report.html",
        ", ".join(one.task.name for one in tasks),
        "; ".join(str(one.task.template) for one in tasks),
        [*sections, _curves(run, about_training)],
        model.provenance,
        notices=[note for one in tasks for note in one.labelled.notes],
        headlines=headlines[:4],
    )
    write_scores(rows, output / "scores.csv")
    return Finetuned(run.model, metrics, sections, headlines, rows)


def predict_with_progress(
    model: Model,
    task: Task,
    records: Sequence[Mapping[str, object]],
    names: Sequence[str],
    *,
    precision: str = "float32",
    quiet: bool,
) -> list[Prediction]:
    """Predict, with a bar; `names` say where each record stands, for messages."""
    passes = sum(item.count for item in task.template.answered)  # each answer is read with those before it known
    with counting("Predicting", len(records) * passes * task.views.count, unit="answers", quiet=quiet) as done:
        predictions = predict(model, task, records, where=names.__getitem__, precision=precision, done=done)
    refuse_divergence(predictions)
    return predictions


def refuse_divergence(predictions: Sequence[Prediction]) -> None:
    """Refuse answers that are no numbers, which the weights of a training that diverged give."""
    for one in predictions:
        if np.isnan(one.probabilities).any() or np.isnan(one.numbers).any():
            raise InputError(
                f"The model answers {one.name} with what is no number: its training diverged. "
                "Train it again with a lower training.learning_rate, or a longer training.warmup_steps."
            )


def score_table(
    task: Task, train: Sequence[Mapping[str, object]], test: Sequence[Mapping[str, object]],
    predictions: Sequence[Prediction],
) -> tuple[dict[str, Any], list[Section], list[Headline]]:  # fmt: skip
    """Score the answers to one table, with 4-mers and GC content fitted on another, where there is one."""
    found = _joined(
        model_answers({"model": predictions}), yardstick_answers(task, train, [], test, ("kmers", "gc"), seed=0)
    )
    sets = [TestSet("test", slice(0, len(test)))]
    scores = score_answers(test, found, sets)
    sections = score_sections(scores, test, found, sets)
    return _by_answer(scores, "test"), sections, headlines_of(scores)


def learning_curves(metrics: Path) -> str:
    """Draw the losses that a run wrote down."""
    lines = read_metrics(metrics)

    def curve(key: str) -> tuple[list[float], list[float]]:
        found = [(line["step"], line[key]) for line in lines if line.get(key) is not None]
        return [float(step) for step, _ in found], [float(value) for _, value in found]

    names = sorted({key.removeprefix("train/") for line in lines for key in line if key.startswith("train/")})
    names = names if len(names) > 2 else ["loss"]
    train = {name: curve(f"train/{name}") for name in names}
    validation = {name: curve(f"validation/{name}") for name in names}
    return draw_learning_curves(train, {name: found for name, found in validation.items() if found[0]})


def _report_task(
    taught: Mapping[str, Model], one: TaskRecords, run: RunFolder, output: Path, beside: Sequence[str], *,
    several: bool, seed: int, quiet: bool,
) -> Finetuned:  # fmt: skip
    parts = one.labelled.parts
    facts = {"task": one.task.name} if several else {}
    heading = f"{one.task.name}: " if several else ""
    if one.labelled.haplotypes is not None:
        write_people(one, output, several=several)
        nats = haplotype_nats(taught, one, quiet=quiet)
        section, headlines = haplotype_section(one, nats, heading=heading), haplotype_headlines(one, nats)
        return Finetuned(run.model, haplotype_metrics(one, nats), [section], headlines, haplotype_rows(nats, facts))
    part = one.scored
    divided = split_report(one.labelled, one.task)
    metrics: dict[str, Any] = {"part": part, "split": divided.as_dict(), "notes": list(one.labelled.notes)}
    sections = [split_section(divided, one.task)]
    if not questions(one.task):
        return Finetuned(run.model, metrics, sections, [])
    own = one.labelled.part(part)
    places = [one.labelled.names[place] for place in parts[part]]
    records = [*own, *(record for more in one.tests.values() for record in more.part("test"))]
    places += [more.names[place] for more in one.tests.values() for place in more.parts["test"]]
    predictions = {
        name: predict_with_progress(model, one.task, records, places, quiet=quiet) for name, model in taught.items()
    }
    first = next(iter(predictions.values()))
    own_answers = {name: values[: len(own)] for name, values in answers(one.task, first).items()}
    name = f"predictions_{one.task.name}.csv" if several else "predictions.csv"
    write_table(pd.DataFrame(own).assign(**own_answers), output / name)
    found = _joined(model_answers(predictions), _yardsticks(one, records, beside, seed=seed, quiet=quiet))
    sets = list(test_sets(one, part))
    scores = score_answers(records, found, sets)
    metrics["scores"] = {each.name: _by_answer(scores, each.name) for each in sets}
    if sets[0].groups is not None:
        metrics["groups"] = {
            question.column: sets[0].group_scores(question, records, next(iter(methods.values())))
            for question, methods in found.items()
        }
    sections += score_sections(scores, records, found, sets, heading=heading)
    sections += _attention(next(iter(taught.values())), one, part)
    return Finetuned(run.model, metrics, sections, headlines_of(scores), _rows(scores, facts))


def _yardsticks(
    one: TaskRecords, records: Sequence[Mapping[str, object]], beside: Sequence[str], *, seed: int, quiet: bool
) -> Answers:
    train, validation = one.labelled.part("train"), one.labelled.part("validation")
    total = len(train) * CNN_EPOCHS * len(questions(one.task)) if "cnn" in beside else 0
    with counting("Yardsticks", total, unit="examples", quiet=quiet) as done:
        return yardstick_answers(one.task, train, validation, records, beside, seed=seed, done=done)


def _joined(models: Answers, yardsticks: Answers) -> Answers:
    return {question: {**methods, **yardsticks.get(question, {})} for question, methods in models.items()}


def _by_answer(scores: Sequence[Score], test_set: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for score in scores:
        if score.test_set == test_set:
            found.setdefault(score.question.column, {})[score.method] = score.as_dict()
    return found


def _rows(scores: Sequence[Score], facts: Mapping[str, str]) -> list[ScoreRow]:
    return [
        row
        for score in scores
        for row in score_rows(
            {score.method: score.intervals}, **facts, records=score.test_set, answer=score.question.column
        )
    ]


def _attention(model: Model, one: TaskRecords, part: Part) -> list[Section]:
    """Show where the model looks when it answers the first question, where that tells classes apart."""
    task, labelled = one.task, one.labelled
    question = questions(task)[0]
    if not question.options or not any(item.kind == "sequence" for item in task.template.given):
        return []
    every = labelled.parts[part]
    count = min(len(every), ATTENTION_RECORDS)
    some = [every[number * len(every) // count] for number in range(count)]
    records, names = [labelled.records[place] for place in some], [labelled.names[place] for place in some]
    context, vocabulary = model.network.config.context, model.vocabulary
    shown = [
        task.views.of(record, task.template, vocabulary, context, where)[0]
        for record, where in zip(records, names, strict=True)
    ]
    classes = [question.options[number] for number in np.asarray(question.truth(records)).tolist()]
    profile = attention_profile(model, task, shown, classes, where=names.__getitem__)
    text = (
        f"How the attention of the last layer is spread over the bases when {question.item.name} is asked for, "
        f"averaged over {len(some):,} records by their true class. Attention shows where a model looks, not why it "
        "answers as it does."
    )
    whole = all(view[profile.field] == record[profile.field] for view, record in zip(shown, records, strict=True))
    cut = cut_place(one.settings.data) if whole else 0
    caption = "Attention along the sequence"
    caption += ", counted from the dashed line, where data.cut took the motif out." if cut else "."
    figure = Figure(attention_plot(profile.attention, counts=profile.counts, first=-cut), caption)
    return [Section("Attention", text, figures=(figure,))]


def cut_place(config: DataConfig) -> int:
    """Say how many bases stand before the place that a motif was cut out of; 0 where none was.

    >>> cut_place(DataConfig(table="sites.csv", window=(100, 500), cut=(297, 303)))
    197
    """
    return 0 if config.cut is None else config.cut[0] - (config.window or (0, 0))[0]


def _curves(run: RunFolder, text: str) -> Section:
    return Section("Training", text, figures=(Figure(learning_curves(run.metrics), "Losses over the run."),))

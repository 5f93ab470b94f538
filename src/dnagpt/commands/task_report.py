"""How well a model answers a task: scores with intervals, beside baselines, as JSON, CSV and one HTML page."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dnagpt.checkpoint import Model
from dnagpt.commands.progress import counting
from dnagpt.data.labelled import Labelled, Part
from dnagpt.errors import InputError
from dnagpt.evaluation import baselines, plots
from dnagpt.evaluation.classification import calibration_bins, classification_intervals, classification_metrics
from dnagpt.evaluation.metrics import Estimate, as_dict
from dnagpt.evaluation.regression import regression_intervals, regression_metrics
from dnagpt.evaluation.report import Figure, Headline, Section, comparison_table, metrics_table, write_report
from dnagpt.genome.tables import write_table
from dnagpt.inference.predict import Prediction, answers, predict
from dnagpt.language.grammar import Field
from dnagpt.language.template import read_boolean
from dnagpt.tasks import Task
from dnagpt.training import RunFolder, read_metrics

Scored = tuple[dict[str, Any], list[Section], list[Headline]]


def report_task(model: Model, task: Task, labelled: Labelled, run: RunFolder, title: str, *, quiet: bool) -> Scored:
    """Answer the test records (or those of validation) and write predictions.csv and report.html beside the model."""
    part: Part = "test" if labelled.parts["test"] else "validation" if labelled.parts["validation"] else "train"
    records = labelled.part(part)
    names = [labelled.names[place] for place in labelled.parts[part]]
    if any(item.kind == "sequence" for item in task.template.answered):
        return {"part": part, "records": len(records)}, [], []
    predictions = predict_with_progress(model, task, records, names, quiet=quiet)
    write_table(pd.DataFrame(records).assign(**answers(task, predictions)), run.path / "predictions.csv")
    metrics, sections, headlines = score_predictions(task, labelled.part("train"), records, predictions)
    write_report(
        run.path / "report.html",
        title,
        f"{task.template} on {len(records):,} {part} records",
        [*sections, _curves(run)],
        model.provenance,
        notices=labelled.notes,
        headlines=headlines,
    )
    sizes = {name: len(places) for name, places in labelled.parts.items()}
    return {"part": part, "records": sizes, "notes": list(labelled.notes), **metrics}, sections, headlines


def refuse_single_class(task: Task, records: Sequence[Mapping[str, object]], where: str) -> None:
    """Refuse records that all have the same answer, from which nothing can be learnt."""
    for item in task.template.answered:
        if records and item.kind in ("boolean", "choice") and len(set(true_classes(records, item).tolist())) == 1:
            raise InputError(
                f"{where} ({len(records):,}) all have {str(records[0][item.name])!r} as {item.name}: there is nothing "
                "to tell apart. Add records of another class."
            )


def predict_with_progress(
    model: Model,
    task: Task,
    records: Sequence[Mapping[str, object]],
    names: Sequence[str],
    *,
    precision: str = "auto",
    quiet: bool,
) -> list[Prediction]:
    """Predict, with a bar; `names` say where each record stands, for messages."""
    passes = sum(item.count for item in task.template.answered)  # each answer is read with those before it known
    with counting("Predicting", len(records) * passes, unit="answers", quiet=quiet) as done:
        return predict(model, task, records, where=names.__getitem__, precision=precision, done=done)


def score_predictions(
    task: Task,
    train: Sequence[Mapping[str, object]],
    test: Sequence[Mapping[str, object]],
    predictions: Sequence[Prediction],
) -> Scored:
    """Score every answered field, with baselines fitted on the training records where there is one sequence."""
    metrics: dict[str, Any] = {}
    sections: list[Section] = []
    headlines: list[Headline] = []
    for item, prediction in zip(task.template.answered, predictions, strict=True):
        if item.kind == "number":
            scored = {name: _score_number(task, name, train, test, prediction.numbers[:, place])
                      for place, name in enumerate(item.columns)}  # fmt: skip
        else:
            scored = {item.name: _score_classes(task, item, train, test, prediction)}
        for name, (values, section, headline) in scored.items():
            metrics[name] = values
            sections.append(section)
            headlines += headline
    return metrics, sections, headlines


def _score_classes(
    task: Task,
    item: Field,
    train: Sequence[Mapping[str, object]],
    test: Sequence[Mapping[str, object]],
    prediction: Prediction,
) -> tuple[dict[str, Any], Section, list[Headline]]:
    truth = true_classes(test, item)
    methods = {"model": prediction.probabilities}
    sequences = _sequences(task)
    if sequences and train:
        labels = true_classes(train, item)
        trained, tested = ([str(record[sequences]) for record in part] for part in (train, test))
        count = len(prediction.options)
        methods["4-mer logistic regression"] = baselines.kmer_baseline(trained, labels, tested, classes=count)
        methods["GC content only"] = baselines.gc_baseline(trained, labels, tested, classes=count)
    scored = {name: classification_metrics(truth, chances) for name, chances in methods.items()}
    intervals = {name: classification_intervals(truth, chances) for name, chances in methods.items()}
    main = intervals["model"]
    accuracy = {name: found["accuracy"] for name, found in intervals.items()}
    bins = calibration_bins(truth, prediction.probabilities)
    figures = [
        Figure(
            plots.comparison_bars(accuracy, quantity="Accuracy", ours=["model"]),
            "Accuracy with 95 % bootstrap intervals, model and baselines on the same split.",
        ),
        Figure(plots.confusion_plot(scored["model"].confusion, prediction.options), "True and predicted classes."),
        Figure(plots.calibration_plot(bins), "Confidence beside accuracy."),
    ]
    if len(prediction.options) == 2:
        ranked = {name: (truth, chances[:, 1]) for name, chances in methods.items()}
        figures.append(Figure(plots.ranking_plot(ranked), "ROC and precision-recall."))
    section = Section(
        f"Answer: {item.name}",
        tables=(
            comparison_table(scored, caption="Model and baselines on the same records"),
            metrics_table(scored["model"], main, caption="Model, with 95 % bootstrap intervals"),
        ),
        figures=tuple(figures),
    )
    values = {name: _with_intervals(as_dict(scored[name]), intervals[name]) for name in methods}
    names = ("accuracy", "mcc", "auroc" if "auroc" in main else "macro_auroc")
    return values, section, _headlines(item.name, {name: main[name] for name in names if name in main})


def _score_number(
    task: Task,
    column: str,
    train: Sequence[Mapping[str, object]],
    test: Sequence[Mapping[str, object]],
    predicted: np.ndarray[Any, np.dtype[np.float64]],
) -> tuple[dict[str, Any], Section, list[Headline]]:
    truth = np.array([float(str(record[column])) for record in test])
    methods = {"model": predicted}
    sequences = _sequences(task)
    if sequences and train:
        known = [float(str(record[column])) for record in train]
        trained, tested = ([str(record[sequences]) for record in part] for part in (train, test))
        methods["4-mer ridge regression"] = baselines.kmer_regression(trained, known, tested)
        methods["GC content only"] = baselines.gc_regression(trained, known, tested)
    scored = {name: regression_metrics(truth, numbers) for name, numbers in methods.items()}
    intervals = {name: regression_intervals(truth, numbers) for name, numbers in methods.items()}
    main = intervals["model"]
    section = Section(
        f"Answer: {column}",
        tables=(
            comparison_table(scored, caption="Model and baselines on the same records"),
            metrics_table(scored["model"], main, caption="Model, with 95 % bootstrap intervals"),
        ),
        figures=(Figure(plots.prediction_plot(truth, predicted, quantity=column), "Predicted against true."),),
    )
    values = {name: _with_intervals(as_dict(scored[name]), intervals[name]) for name in methods}
    return values, section, _headlines(column, {name: main[name] for name in list(main)[:2]})


def _with_intervals(values: dict[str, Any], intervals: Mapping[str, Any]) -> dict[str, Any]:
    """Add the intervals; one that is undefined becomes null, as JSON has no nan."""
    ends = {name: (estimate.low, estimate.high) for name, estimate in intervals.items()}
    shown = {name: [None if math.isnan(end) else end for end in pair] for name, pair in ends.items()}
    return {**values, "intervals": shown}


def _headlines(answer: str, estimates: Mapping[str, Estimate]) -> list[Headline]:
    labels = {name: name.upper() if len(name) <= 5 else name.replace("_", " ") for name in estimates}
    return [
        Headline(f"{answer}: {labels[name]}", f"{one.value:.3f}", f"{one.low:.3f} to {one.high:.3f}")
        for name, one in estimates.items()
        if not math.isnan(one.value)
    ]


def _sequences(task: Task) -> str | None:
    names = [item.name for item in task.template.given if item.kind == "sequence"]
    return names[0] if len(names) == 1 else None


def true_classes(records: Sequence[Mapping[str, object]], item: Field) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Give the true class of each record as a number: its place among the options of the field."""
    if item.kind == "choice":
        return np.array([item.choices.index(str(record[item.name])) for record in records])
    return np.array([read_boolean(record[item.name]) for record in records], dtype=np.int64)


def _curves(run: RunFolder) -> Section:
    return Section("Training", figures=(Figure(learning_curves(run.metrics), "Losses over the run."),))


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
    return plots.learning_curves(train, {name: found for name, found in validation.items() if found[0]})

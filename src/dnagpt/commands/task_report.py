"""How well a model answers a task: scores with intervals, beside baselines, as JSON, CSV and one HTML page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dnagpt.checkpoint import Model
from dnagpt.commands.progress import progress
from dnagpt.data.labelled import Labelled, Part
from dnagpt.errors import InputError
from dnagpt.evaluation import baselines, plots
from dnagpt.evaluation.classification import calibration_bins, classification_intervals, classification_metrics
from dnagpt.evaluation.metrics import as_dict
from dnagpt.evaluation.regression import regression_intervals, regression_metrics
from dnagpt.evaluation.report import Figure, Headline, Section, comparison_table, metrics_table, write_report
from dnagpt.genome.tables import write_table
from dnagpt.inference.predict import Prediction, predict
from dnagpt.language.grammar import Field
from dnagpt.language.template import read_boolean
from dnagpt.tasks import Task
from dnagpt.training import RunFolder, read_metrics

Scored = tuple[dict[str, Any], list[Section], list[Headline]]


def report_task(
    model: Model, task: Task, labelled: Labelled, run: RunFolder, title: str, *, quiet: bool
) -> dict[str, Any]:
    """Answer the test records (or those of validation) and write predictions.csv and report.html beside the model."""
    part: Part = "test" if labelled.parts["test"] else "validation" if labelled.parts["validation"] else "train"
    records = labelled.part(part)
    if any(item.kind == "sequence" for item in task.template.answered):
        return {"part": part, "records": len(records)}
    predictions = predict_with_progress(model, task, records, quiet=quiet)
    frame = pd.DataFrame(records)
    for name, column in (pair for prediction in predictions for pair in prediction.columns()):
        frame[name] = pd.Series(column, index=frame.index)
    write_table(frame, run.path / "predictions.csv")
    metrics, sections, headlines = score_predictions(task, labelled.part("train"), records, predictions)
    sections.append(_curves(run))
    write_report(
        run.path / "report.html",
        title,
        f"{task.template} on {len(records):,} {part} records",
        sections,
        model.provenance,
        notices=labelled.notes,
        headlines=headlines,
    )
    sizes = {name: len(places) for name, places in labelled.parts.items()}
    return {"part": part, "records": sizes, "notes": list(labelled.notes), **metrics}


def predict_with_progress(
    model: Model, task: Task, records: Sequence[Mapping[str, object]], *, quiet: bool
) -> list[Prediction]:
    """Predict, with a bar."""
    finished = 0
    with progress("Predicting", len(records), unit="records", quiet=quiet) as track:

        def done(count: int) -> None:
            nonlocal finished
            finished += count
            track(finished)

        return predict(model, task, records, done=done)


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
        score = _score_number if item.kind == "number" else _score_classes
        values, section, headline = score(task, item, train, test, prediction)
        metrics[item.name] = values
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
    return values, section, [_headline(item, name, main[name]) for name in names if name in main]


def _score_number(
    task: Task,
    item: Field,
    train: Sequence[Mapping[str, object]],
    test: Sequence[Mapping[str, object]],
    prediction: Prediction,
) -> tuple[dict[str, Any], Section, list[Headline]]:
    if item.count > 1:
        raise InputError(
            f"{item.name}: several numbers in one answer are predicted but not scored yet. Use one field a number."
        )
    truth = np.array([float(str(record[item.name])) for record in test])
    methods = {"model": prediction.numbers[:, 0]}
    sequences = _sequences(task)
    if sequences and train:
        known = [float(str(record[item.name])) for record in train]
        trained, tested = ([str(record[sequences]) for record in part] for part in (train, test))
        methods["4-mer ridge regression"] = baselines.kmer_regression(trained, known, tested)
        methods["GC content only"] = baselines.gc_regression(trained, known, tested)
    scored = {name: regression_metrics(truth, numbers) for name, numbers in methods.items()}
    intervals = {name: regression_intervals(truth, numbers) for name, numbers in methods.items()}
    main = intervals["model"]
    section = Section(
        f"Answer: {item.name}",
        tables=(
            comparison_table(scored, caption="Model and baselines on the same records"),
            metrics_table(scored["model"], main, caption="Model, with 95 % bootstrap intervals"),
        ),
        figures=(
            Figure(
                plots.prediction_plot(truth, prediction.numbers[:, 0], quantity=item.name), "Predicted against true."
            ),
        ),
    )
    values = {name: _with_intervals(as_dict(scored[name]), intervals[name]) for name in methods}
    return values, section, [_headline(item, name, main[name]) for name in list(main)[:2]]


def _with_intervals(values: dict[str, Any], intervals: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: [estimate.low, estimate.high] for name, estimate in intervals.items()}
    return {**values, "intervals": shown}


def _headline(item: Field, name: str, estimate: Any) -> Headline:
    label = name.upper() if len(name) <= 5 else name.replace("_", " ")
    return Headline(f"{item.name}: {label}", f"{estimate.value:.3f}", f"{estimate.low:.3f} to {estimate.high:.3f}")


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
    train = {name: curve(f"train/{name}") for name in names}
    validation = {name: curve(f"validation/{name}") for name in names}
    return plots.learning_curves(train, {name: found for name, found in validation.items() if found[0]})

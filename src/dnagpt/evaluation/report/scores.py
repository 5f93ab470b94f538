"""Scores as parts of a report: tables and figures of each answer, and of how the records were divided."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dnagpt.data.records.labelled import answer_word
from dnagpt.data.records.settings import PARTS
from dnagpt.data.records.split_report import SplitReport
from dnagpt.evaluation.metrics.classification import calibration_bins, one_against_rest
from dnagpt.evaluation.metrics.groups import GroupScores
from dnagpt.evaluation.metrics.scores import Answers, Question, Score, TestSet
from dnagpt.evaluation.plots.matrices import confusion_plot
from dnagpt.evaluation.plots.numbers import prediction_plot, residual_plot
from dnagpt.evaluation.plots.scores import calibration_plot, comparison_bars, ranking_plot
from dnagpt.evaluation.report.page import Cell, Figure, Headline, Section, Table, comparison_table, metrics_table
from dnagpt.evaluation.report.tables import groups_table, subsets_table
from dnagpt.tasks import Task

Array = np.ndarray[Any, Any]
MOST_GROUPS = 40
"""Groups that a report shows at most."""
HEADLINE_SCORES = ("accuracy", "mcc", "auroc", "macro_auroc", "squared_pearson", "determination")


def score_sections(
    scores: Sequence[Score], records: Sequence[Mapping[str, object]], answers: Answers, sets: Sequence[TestSet], *,
    heading: str = "",
) -> list[Section]:  # fmt: skip
    """Lay out the scores of every question: methods beside one another, then the model's in detail."""
    asked = list(dict.fromkeys(score.question for score in scores))
    return [_section(question, scores, records, answers[question], sets, heading) for question in asked]


def headlines_of(scores: Sequence[Score]) -> list[Headline]:
    """Sum scores up in a few numbers: those of the first method on the first set of records."""
    found = []
    for question in dict.fromkeys(score.question for score in scores):
        first = next(score for score in scores if score.question == question)
        names = [name for name in HEADLINE_SCORES if name in first.intervals][:3]
        found += [
            Headline(
                f"{question.column}: {score_name(name)}",
                f"{first.intervals[name].value:.3f}",
                f"{first.intervals[name].low:.3f} to {first.intervals[name].high:.3f}",
            )
            for name in names
            if not np.isnan(first.intervals[name].value)
        ]
    return found


def score_name(name: str) -> str:
    """Write the name of a score as it stands over a number.

    >>> score_name("mcc"), score_name("squared_pearson")
    ('MCC', 'squared pearson')
    """
    return name.upper() if len(name) <= 5 else name.replace("_", " ")


def split_section(report: SplitReport, task: Task) -> Section:
    """Lay out how the records were divided, and what stands in more than one part."""
    rows: list[tuple[Cell, ...]] = []
    for part in PARTS:
        one = report.parts[part]
        if not one.records:
            continue
        lengths = one.lengths
        span = f"{lengths['minimum']:,.0f} to {lengths['maximum']:,.0f}" if lengths else ""
        labels = ", ".join(f"{count:,} {label}" for label, count in one.labels.items())
        labels = labels or ", ".join(f"{name}: median {found['median']:.4g}" for name, found in one.numbers.items())
        gc = ", ".join(f"{label} {share:.3f}" for label, share in one.gc.items())
        rows.append((part, one.records, labels, span, gc))
    columns = ("Part", "Records", "Answers", "Length (bases)", "GC content")
    tables = [Table(columns, tuple(rows), "Training, validation and test records")]
    across = sorted({pair for level in report.repeats.values() for pair in level.across})
    if across:
        repeats = tuple((level, *(found.across[pair] for pair in across)) for level, found in report.repeats.items())
        tables.append(Table(("Duplicates", *across), repeats, "Records that also occur in another part"))
    dropped = "; ".join(f"{count:,} records were left out: {why}" for why, count in report.dropped.items())
    near = f"Near-duplicates share at least {report.near_threshold:.0%} of their distinct 16-mers."
    text = " ".join(filter(None, (_contradictions(report, task), near, dropped)))
    return Section(f"Data of {task.name}", text, tables=tuple(tables))


def _contradictions(report: SplitReport, task: Task) -> str:
    if report.contradictory is None:
        return ""
    word = answer_word(task.template)
    if not report.contradictory:
        return f"No sequence occurs with two different {word}s."
    return f"{report.contradictory:,} records have the same sequence as another record but a different {word}."


def _section(
    question: Question, scores: Sequence[Score], records: Sequence[Mapping[str, object]],
    answers: Mapping[str, Array], sets: Sequence[TestSet], heading: str,
) -> Section:  # fmt: skip
    mine = [score for score in scores if score.question == question]
    by_set = {one.name: {score.method: score for score in mine if score.test_set == one.name} for one in sets}
    own = by_set[sets[0].name]
    model = next(iter(own))
    tables = [
        comparison_table(
            {method: score.metrics for method, score in found.items()},
            caption=f"Every method on the same {_count(found):,} records ({name})",
        )
        for name, found in by_set.items()
    ]
    tables.append(metrics_table(own[model].metrics, own[model].intervals, caption="Model, 95 % bootstrap intervals"))
    if len(sets) > 1:
        shown = {f"{name} ({_count(found):,})": found[model].intervals for name, found in by_set.items()}
        tables.append(subsets_table(shown, caption="The model on each set of records"))
    truth, said = question.truth(records)[sets[0].rows], answers[model][sets[0].rows]
    if groups := sets[0].group_scores(question, records, answers[model]):
        tables.append(_groups_shown(groups))
    score = "accuracy" if question.options else "squared_pearson"
    bars = {method: one.intervals[score] for method, one in own.items()}
    figures = [
        Figure(
            comparison_bars(bars, quantity="Accuracy" if question.options else "r² (squared Pearson)", ours=[model]),
            "Every method on the same records, with 95 % bootstrap intervals.",
        )
    ]
    ranked = {method: (truth, answers[method][sets[0].rows]) for method in own}
    figures += (
        _class_figures(question, own[model], ranked) if question.options else _number_figures(question, truth, said)
    )
    return Section(f"{heading}{question.column}", tables=tuple(tables), figures=tuple(figures))


def _groups_shown(groups: GroupScores) -> Table:
    if len(groups) <= MOST_GROUPS:
        return groups_table(groups, caption="The model, group by group")
    counts = {name: scores["count"] for name, scores in groups.items()}
    largest = sorted(groups, key=lambda name: -int(str(counts[name])))[:MOST_GROUPS]
    caption = f"The model on the {MOST_GROUPS} largest of {len(groups):,} groups; metrics.json has all"
    return groups_table({name: groups[name] for name in largest}, caption=caption)


def _class_figures(
    question: Question,
    own: Score,
    answered: Mapping[str, tuple[Array, Array]],
) -> list[Figure]:
    truth, said = next(iter(answered.values()))
    confusion = own.as_dict()["confusion"]
    figures = [
        Figure(confusion_plot(confusion, question.options), "True and predicted classes."),
        Figure(calibration_plot(calibration_bins(truth, said)), "Calibration: accuracy at each level of confidence."),
    ]
    if len(question.options) == 2:
        ranked = {method: (true, chances[:, 1]) for method, (true, chances) in answered.items()}
        figures.append(Figure(ranking_plot(ranked), "ROC and precision-recall curves."))
    else:
        against_rest = ranking_plot(one_against_rest(truth, said, question.options))
        figures.append(Figure(against_rest, "ROC and precision-recall of the model, each class against the rest."))
    return figures


def _number_figures(question: Question, truth: Array, said: Array) -> list[Figure]:
    return [
        Figure(prediction_plot(truth, said, quantity=question.column), "Predicted against true values."),
        Figure(residual_plot(truth, said, quantity=question.column), "Residuals."),
    ]


def _count(found: Mapping[str, Score]) -> int:
    return next(iter(found.values())).metrics.count

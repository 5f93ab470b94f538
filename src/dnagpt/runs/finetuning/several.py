"""Several runs of one task file, one a seed and a fold: how far the scores depend on chance."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dnagpt.data.records.settings import DataConfig
from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.several_runs import summary_of_runs
from dnagpt.evaluation.plots.matrices import heat_map
from dnagpt.evaluation.report.page import Figure, Headline, Section, Table, write_report
from dnagpt.evaluation.report.scores import HEADLINE_SCORES, score_name
from dnagpt.evaluation.report.tables import ScoreRow, cross_columns, cross_table, runs_table
from dnagpt.runs.finetuning.report import Finetuned
from dnagpt.runs.finetuning.settings import FinetuneSettings, TaskSettings
from dnagpt.runs.output_folder import results_together
from dnagpt.runs.outputs import write_metrics, write_scores

Scores = dict[str, float | None]


def variations(settings: FinetuneSettings) -> dict[str, FinetuneSettings]:
    """Name the runs that a task file asks for, with the settings of each; none where it asks for one run only."""
    folds: Sequence[int | None] = [None]
    if settings.every_fold:
        counts = {one.data.folds for one in settings.tasks.values()}
        counts |= {test.folds for one in settings.tasks.values() for test in one.tests.values() if test.folds}
        count = counts.pop()
        if counts or count is None:
            raise InputError(
                "every_fold needs data.folds, a number of folds, the same in every task and in `tests` that have some."
            )
        folds = range(count)
    if not settings.seeds and not settings.every_fold:
        return {}
    seeds: Sequence[int | None] = settings.seeds or [None]
    runs: dict[str, FinetuneSettings] = {}
    for fold in folds:
        for seed in seeds:
            parts = [f"fold-{fold}"] * (fold is not None) + [f"seed-{seed}"] * (seed is not None)
            runs["-".join(parts)] = _varied(settings, fold, seed)
    return runs


def _varied(settings: FinetuneSettings, fold: int | None, seed: int | None) -> FinetuneSettings:
    changes: dict[str, Any] = {"seeds": (), "every_fold": False}
    if seed is not None:
        changes["training"] = settings.training.model_copy(update={"seed": seed})
        changes["twin"] = settings.twin.model_copy(update={"seed": seed})
    if fold is not None:
        changes["tasks"] = {name: _at_fold(one, fold) for name, one in settings.tasks.items()}
    return settings.model_copy(update=changes)


def _at_fold(one: TaskSettings, fold: int) -> TaskSettings:
    """Make a fold the test part, in the records of the task and in further test data that are divided into folds."""
    tests = {name: test if test.folds is None else _data_at_fold(test, fold) for name, test in one.tests.items()}
    return one.model_copy(update={"data": _data_at_fold(one.data, fold), "tests": tests})


def _data_at_fold(config: DataConfig, fold: int) -> DataConfig:
    return DataConfig(**{**config.model_dump(), "fold": fold})


def report_runs(runs: Mapping[str, Finetuned], output: Path) -> Finetuned:
    """Sum several runs up: every score as mean and deviation, by method, in report.html, metrics.json, scores.csv."""
    rows: list[ScoreRow] = [{"run": name, **row} for name, one in runs.items() for row in one.rows]
    tables: list[Table] = []
    summary = _by_method(rows, list(runs))
    for where, methods in summary.items():
        tables.append(runs_table(methods, caption=f"{where}: mean ± standard deviation over {len(runs)} runs"))
    first = next(iter(runs.values()))
    summed = {
        where: {method: summary_of_runs(values) for method, values in methods.items()}
        for where, methods in summary.items()
    }
    headlines: list[Headline] = []
    if summed:
        first_set, by_method = next(iter(summed.items()))
        model = next(iter(by_method.values()))
        headlines = [
            Headline(f"{first_set.rpartition(', ')[2]}: {score_name(name)}", str(model[name]), f"{len(runs)} runs")
            for name in HEADLINE_SCORES
            if name in model
        ]
    section = Section("All runs", f"The runs are {', '.join(runs)}; each has a report of its own.", tuple(tables))
    plain = {
        where: {method: {name: found.as_dict() for name, found in scores.items()} for method, scores in methods.items()}
        for where, methods in summed.items()
    }
    metrics = {"runs": {name: one.metrics for name, one in runs.items()}, "summary": plain}
    with results_together(output) as staged:
        write_report(staged / "report.html", "Several runs", str(output), [section], {}, headlines=headlines)
        write_scores(rows, staged / "scores.csv")
        write_metrics(metrics, staged)
    return Finetuned(first.model, metrics, [section], headlines, rows)


def compare_runs(folders: Sequence[Path], output: Path | None, *, score: str) -> Table:
    """Set the models of several runs beside one another: one row a run, one column a set of records.

    A run that was tested on further data (`tests` in its task file) has a column for each, so that runs trained on
    one species and tested on all make the cross-species table.
    """
    found: dict[str, dict[str, float]] = {}
    distinct = len({folder.name for folder in folders}) == len(folders)
    for folder in folders:
        run = folder.name if distinct else str(folder)
        for (where, method, name), value in _first_scores(folder).items():
            if name == score and value is not None:
                found.setdefault(f"{run}: {method}", {})[where] = value
    if not found:
        raise InputError(f"No run has a score {score!r}. Give one that stands in their scores.csv, such as mcc.")
    table = cross_table(found, caption=score)
    if output is not None:
        columns = cross_columns(found)
        values = [[row.get(column, float("nan")) for column in columns] for row in found.values()]
        figure = Figure(heat_map(values, list(found), list(columns), quantity=score), f"{score} of every run.")
        section = Section("Runs beside one another", tables=(table,), figures=(figure,))
        write_report(output / "report.html", "Runs beside one another", score, [section], {})
    return table


def _first_scores(folder: Path) -> dict[tuple[str, str, str], float | None]:
    path = folder / "metrics.json"
    try:
        return _scores_of(json.loads(path.read_text(encoding="utf-8"))["tasks"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{folder} is not the folder of a finished fine-tuning: metrics.json holds no tasks."
        ) from None


def _scores_of(tasks: Mapping[str, Any]) -> dict[tuple[str, str, str], float | None]:
    several = len(tasks) > 1
    return {
        (", ".join([task] * several + [where] + [answer] * (len(answers) > 1)), method, name): value
        for task, of_task in tasks.items()
        for where, answers in of_task.get("scores", {}).items()
        for answer, methods in answers.items()
        for method, values in methods.items()
        for name, value in values.items()
        if isinstance(value, float | int)
    }


def _by_method(rows: Sequence[ScoreRow], runs: Sequence[str]) -> dict[str, dict[str, list[Scores]]]:
    found: dict[str, dict[str, dict[str, Scores]]] = {}
    for row in rows:
        where = ", ".join(str(row[name]) for name in ("task", "records", "answer") if name in row)
        values = found.setdefault(where, {}).setdefault(str(row["method"]), {run: {} for run in runs})
        value = row["value"]
        values[str(row["run"])][str(row["metric"])] = value if isinstance(value, float | int) else None
    return {
        where: {method: [scores for scores in values.values() if scores] for method, values in methods.items()}
        for where, methods in found.items()
    }

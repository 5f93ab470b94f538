"""Fine-tuning by the command line: several tasks, views, weights, yardsticks, seeds, folds, runs that are killed."""

import csv
import json
import shutil
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.commands.calls import Case, call, check_complaint, contents, done, dotted, small, start
from tests.commands.examples import GC_TEMPLATE, Row, gc_content, gc_rows, random_bases, table_text
from tests.commands.test_end_to_end import check_stands_alone, finetune, lines_of, read_rows

from dnagpt.errors import InputError
from dnagpt.genome.bases import decode_bases, encode_bases, reverse_complement
from dnagpt.inference.generate import Continuation, Grammar, generate
from dnagpt.inference.sampling import Sampling
from dnagpt.language.template import Template, encode_template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.runs.configuration import load_settings
from dnagpt.runs.finetuning import report
from dnagpt.runs.finetuning.checks import score_names
from dnagpt.runs.finetuning.examples import TrainingExamples, answer_losses, as_language
from dnagpt.runs.finetuning.settings import FinetuneSettings
from dnagpt.runs.finetuning.tasks import TaskRecords, read_tasks
from dnagpt.store.folder import load_model
from dnagpt.tasks import Views
from dnagpt.training import TrainingConfig

TINY: dict[str, object] = {
    "model.preset": "tiny", "model.layers": 1, "model.width": 16, "model.heads": 2, "model.context": 64,
    "epochs": 1, "training.batch_size": 8, "training.precision": "float32", "beside": "[]",
}  # fmt: skip
VOCABULARY = Vocabulary.preset("dna-3mers")


def tiny(**values: object) -> list[str]:
    """Options for a network from random weights and a run of a moment; two underscores stand for the dot."""
    return ["--quiet", *dotted({**TINY, **{name.replace("__", "."): value for name, value in values.items()}})]


def level_rows(count: int, *, seed: int = 0) -> list[Row]:
    return [{**row, "level": f"{10 * gc_content(row['sequence']):.3f}"} for row in gc_rows(count, seed=seed)]


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(table_text(rows))
    return path


def metrics_of(run: Path) -> Any:
    return json.loads((run / "metrics.json").read_text())


def records_of(settings: Mapping[str, object]) -> list[TaskRecords]:
    return read_tasks(FinetuneSettings.model_validate(settings))


MIXED = f"""
[tasks.rich]
template = "{GC_TEMPLATE}"
data = {{ table = "sites.csv" }}

[tasks.level]
template = "<K>{{sequence}}<=><M>{{level?:number}}"
data = {{ table = "sites.csv", seed = 1 }}
transforms = {{ level = "zscore" }}
weight = 0.5
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of a yes-or-no and a number task."""
    folder = tmp_path_factory.mktemp("mixed")
    write(folder / "sites.csv", level_rows(60))
    (folder / "task.toml").write_text(MIXED.replace("sites.csv", str(folder / "sites.csv")))
    done("finetune", folder / "task.toml", "-o", folder / "run", *tiny(epochs=2, training__log_every=1))
    return folder / "run"


def test_each_of_several_tasks_has_its_metrics_and_their_mean_judges(mixed: Path) -> None:
    judged = [line for line in lines_of(mixed) if "validation/score" in line]
    assert len(judged) == 2
    for line in judged:
        scores = [line["validation/rich/mcc"], line["validation/level/squared_pearson"]]
        assert line["validation/score"] == pytest.approx(statistics.mean(scores))
        losses = (line["validation/rich/loss"], line["validation/level/loss"])
        assert line["validation/loss"] == pytest.approx(sum(losses) / 2)
    assert 'metric = "score"' in (mixed / "config.toml").read_text()
    tasks = metrics_of(mixed)["tasks"]
    assert "mcc" in tasks["rich"]["scores"]["test"]["rich"]["model"]
    assert "squared_pearson" in tasks["level"]["scores"]["test"]["level"]["model"]
    assert {"predictions_rich.csv", "predictions_level.csv"} <= {path.name for path in mixed.iterdir()}


def test_the_names_of_scores_are_known_before_anything_is_read(mixed: Path) -> None:
    (line, _) = [line for line in lines_of(mixed) if "validation/score" in line]
    names = {f"{task.name}/{name}" for task in load_model(mixed / "model").tasks.values() for name in score_names(task)}
    assert {f"validation/{name}" for name in names | {"loss", "score"}} == line.keys() - {"step"}


def test_training_loss_is_the_weighed_sum_of_those_of_the_tasks(mixed: Path) -> None:
    """Each batch has eight records: the loss is `(n / 8) * rich + 0.5 * (1 - n / 8) * level` for a whole n."""
    for line in (line for line in lines_of(mixed) if "train/loss" in line):
        rich, level = line.get("train/rich/rich", 0.0), 0.5 * line.get("train/level/level", 0.0)
        expected = [rich * n / 8 + level * (8 - n) / 8 for n in range(9)]
        assert min(abs(line["train/loss"] - one) for one in expected) < 1e-5


def test_one_of_several_tasks_is_asked_by_its_name(mixed: Path, here: Path) -> None:
    write(here / "new.csv", [{"sequence": row["sequence"]} for row in gc_rows(5)])
    check_complaint(call("predict", mixed / "model", "new.csv", "--quiet"), "No task was named", "rich, level")
    done("predict", mixed / "model", "new.csv", "--task", "rich", "-o", "rich.csv", "--quiet")
    done("predict", mixed / "model", "new.csv", "--task", "level", "-o", "level.csv", "--quiet")
    assert list(read_rows(here / "rich.csv")[0]) == ["sequence", "predicted_rich", "probability_true"]
    assert list(read_rows(here / "level.csv")[0]) == ["sequence", "predicted_level"]


LANGUAGE = '\n[tasks.language]\ntemplate = "<K>{sequence?:sequence}"\ndata = { table = "sites.csv" }\n'
MIXED_MISTAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    "lower_is_better": (MIXED + 'metric = "rmse"\n', ("'level' cannot be judged", "'rmse'", "squared_pearson")),
    "unknown_metric": (MIXED + 'metric = "mcc"\n', ("'level' cannot be judged", "'mcc'")),
    "metric_of_a_language": (LANGUAGE + 'metric = "mcc"\n' + MIXED, ("'language' cannot be judged", "it has none")),
    "name_of_a_folder": (MIXED.replace("tasks.level", 'tasks."a/b"'), ("1 mistake", "'a/b'", "files are named after")),
    "views_of_nothing": (LANGUAGE + "views = { frames = 2 }\n", ("views", "gives no sequence")),
    "substitutions_of_nothing": (LANGUAGE + "substitutions = 0.1\n", ("substitutions", "gives no sequence")),
    "weights_of_no_class": (MIXED + 'class_weights = "balanced"\n', ("class_weights is 'balanced'", "none")),
    "nothing_to_test": (
        MIXED + "[tasks.level.tests]\nother = { table = 'sites.csv', fractions = [0.9, 0.1, 0.0] }\n",
        ("tests.other", "'level' has no test records"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED_MISTAKES)
def test_tasks_that_cannot_be_taught(name: str, complaint: Callable[[Case], None]) -> None:
    text, parts = MIXED_MISTAKES[name]
    files = {"task.toml": text, "sites.csv": table_text(level_rows(20))}
    complaint(Case(["finetune", "task.toml", "-o", "run", *dotted(TINY)], parts, files))


def test_the_language_of_the_sequences_is_taught_beside_a_task(here: Path) -> None:
    write(here / "sites.csv", level_rows(24))
    (here / "task.toml").write_text(LANGUAGE + MIXED)
    done("finetune", "task.toml", "-o", "run", *tiny())
    (line,) = [line for line in lines_of(here / "run") if "validation/score" in line]
    scores = [line["validation/rich/mcc"], line["validation/level/squared_pearson"]]
    assert line["validation/score"] == pytest.approx(statistics.mean(scores))
    assert metrics_of(here / "run")["tasks"]["language"].keys() == {"part", "split", "notes"}


def placed_rows(lengths: Sequence[int] = (60,) * 24) -> list[Row]:
    """Rows that say their part, those of one class and of the other by turns."""
    parts = ("train", "train", "train", "train", "validation", "validation", "test", "test")
    return [
        {
            "sequence": random_bases(length, seed=number, gc=0.7 if number % 2 else 0.3),
            "rich": "yes" if number % 2 else "no",
            "part": parts[number % 8],
        }
        for number, length in enumerate(lengths)
    ]


def test_a_long_test_sequence_is_found_before_the_training(complaint: Callable[[Case], None]) -> None:
    rows = placed_rows()
    rows[6]["sequence"] *= 4
    table = ["--table", "sites.csv", "--template", GC_TEMPLATE, "--set", "data.split_column=part"]
    parts = ("sites.csv, row 7", "context of 64", "views.too_long")
    complaint(Case(["finetune", *table, "-o", "run", *dotted(TINY)], parts, {"sites.csv": table_text(rows)}))
    others = ["--set", "tests.other={table: long.csv, split_column: part}"]
    files = {"sites.csv": table_text(placed_rows()), "long.csv": table_text(rows)}
    complaint(Case(["finetune", *table, *others, "-o", "run", *dotted(TINY)], ("long.csv, row 7", "context"), files))


@pytest.mark.parametrize("too_long", ["centre", "tiles"])
def test_long_sequences_are_read_on_both_strands_as_asked(too_long: str, here: Path) -> None:
    rows = placed_rows([30 + 5 * number for number in range(24)])
    write(here / "sites.csv", rows)
    done(
        "finetune", "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run",
        *tiny(
            model__context=18, data__split_column="part",
            views__both_strands="true", views__frames=2, views__too_long=too_long,
        ),
    )  # fmt: skip
    model = load_model(here / "run" / "model")
    assert model.task("task").views == Views.from_dict({"both_strands": True, "frames": 2, "too_long": too_long})

    def other_strand(text: str) -> str:
        return decode_bases(reverse_complement(encode_bases(text.encode(), "")[0]))

    write(here / "new.csv", rows)
    write(here / "turned.csv", [{**row, "sequence": other_strand(row["sequence"])} for row in rows])
    chances = []
    for name in ("new", "turned"):
        done("predict", "run/model", f"{name}.csv", "-o", f"{name}.answers.csv", "--precision", "float32", "--quiet")
        chances.append([float(row["probability_true"]) for row in read_rows(here / f"{name}.answers.csv")])
    assert chances[0] == pytest.approx(chances[1], abs=1e-6)
    assert len(set(chances[0])) > 12


@pytest.mark.parametrize(("too_long", "tiles"), [("centre", [1, 1]), ("tiles", [1, 3])])
def test_the_language_of_long_sequences_is_read_as_the_task_says(
    too_long: str, tiles: list[int], here: Path, pretrained: Path
) -> None:
    """The context of 64 holds 61 k-mers of 3 between the tokens of the template: 183 letters or a little less."""
    rows = placed_rows([170 if number % 2 else 400 for number in range(24)])
    write(here / "sites.csv", rows)
    data = {"table": "sites.csv", "split_column": "part"}
    (one,) = records_of({"template": GC_TEMPLATE, "data": data, "views": {"too_long": too_long, "frames": 2}})
    text = as_language(one, load_model(pretrained))
    assert text is not None
    read = [str(record["sequence"]) for record in text.labelled.part("train")]
    whole = [str(record["sequence"]) for record in one.labelled.part("train")]
    expected = [tiles[len(sequence) > 200] for sequence in whole]
    assert len(read) == len(text.labelled.parts["train"]) == sum(expected)
    for sequence, count in zip(whole, expected, strict=True):
        own, read = read[:count], read[count:]
        assert all(part in sequence for part in own)
        assert sum(map(len, own)) >= len(sequence) or too_long == "centre"
    options = dotted({"language_epochs": 1, "epochs": 1, "beside": "[]", "data.split_column": "part"})
    done(
        "finetune", "--model", pretrained, "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run", "--quiet",
        *options, "--set", f"views.too_long={too_long}", "--set", "training.batch_size=2",
    )  # fmt: skip
    assert lines_of(here / "run" / "language")[-1]["step"] == sum(expected) // 2


def test_classes_are_weighed_by_their_counts_or_by_name(here: Path) -> None:
    rows: list[Row] = [
        {"sequence": random_bases(30, seed=n), "rich": "yes" if n < 3 else "no", "kind": "abb"[n % 3]}
        for n in range(12)
    ]
    write(here / "sites.csv", rows)
    task: dict[str, object] = {
        "template": "<K>{sequence}<=><B>{rich?:boolean}<=>{kind?:choice(a,b)}",
        "data": {"table": "sites.csv", "fractions": [1, 0, 0]},
    }

    def weights(asked: object) -> list[dict[int, float]]:
        (one,) = records_of({**task, "class_weights": asked})
        return [dict(loss.token_weights) for loss in answer_losses([one], TrainingConfig(), VOCABULARY)]

    no, yes = VOCABULARY.false_id, VOCABULARY.true_id
    a, b = VOCABULARY.choice_ids(2)
    assert weights("balanced") == [pytest.approx({no: 12 / 18, yes: 12 / 6}), pytest.approx({a: 12 / 8, b: 12 / 16})]
    assert weights({"true": 3, "b": 2}) == [{yes: 3.0}, {b: 2.0}]


def test_letters_are_substituted_anew_each_time_but_alike_for_one_sample(here: Path, pretrained: Path) -> None:
    write(here / "sites.csv", gc_rows(20))
    model = load_model(pretrained)
    tasks = records_of({"template": GC_TEMPLATE, "data": {"table": "sites.csv"}, "substitutions": 0.3})
    examples = TrainingExamples(model, tasks, seed=4)
    first, again, later = (examples.rows(sample, 2).ids.tolist() for sample in (5, 5, 6))
    assert first == again != later
    assert len(first) == len(later)


def test_species_are_tested_on_one_another(here: Path) -> None:
    tests = []
    for seed, species in enumerate(("human", "mouse")):
        write(here / f"{species}.csv", gc_rows(40, seed=seed))
        tests += ["--set", f"tests.{species}={{table: {species}.csv}}"]
    for species in ("human", "mouse"):
        table = ["--table", f"{species}.csv", "--template", GC_TEMPLATE]
        done("finetune", *table, *tests, "-o", f"runs/{species}", *tiny())
    printed = done("runs", "runs/human", "runs/mouse", "--score", "accuracy", "-o", "table")
    assert "human: model" in printed
    scores = {species: metrics_of(here / "runs" / species)["tasks"]["task"]["scores"] for species in ("human", "mouse")}
    for species, found in scores.items():
        assert list(found) == ["test", "human", "mouse"]
        own, other = (found[name]["rich"]["model"]["accuracy"] for name in ("test", "mouse"))
        assert own == found[species]["rich"]["model"]["accuracy"]
        assert f"{other:.3f}" in printed
    check_stands_alone(here / "table" / "report.html")
    made = json.loads((here / "runs" / "human" / "model" / "provenance.json").read_text())["data"]
    assert {Path(name).name for name in made} == {"human.csv", "mouse.csv"}
    check_complaint(call("runs", "runs/human", "--score", "acuracy"), "No run has a score 'acuracy'", "such as mcc")
    check_complaint(call("runs", "runs"), "not the folder of a finished fine-tuning")


def test_seeds_and_folds_are_runs_of_their_own_with_mean_and_deviation(here: Path) -> None:
    write(here / "sites.csv", gc_rows(40))
    arguments = [
        "finetune", "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run",
        *tiny(seeds="[0,1]", every_fold="true", data__folds=2),
    ]  # fmt: skip
    done(*arguments)
    names = ["fold-0-seed-0", "fold-0-seed-1", "fold-1-seed-0", "fold-1-seed-1"]
    assert sorted(path.name for path in (here / "run").iterdir() if path.is_dir()) == names
    scored = [
        {row["sequence"] for row in read_rows(here / "run" / name / "predictions.csv")} for name in (names[0], names[2])
    ]
    assert scored[0] | scored[1] == {row["sequence"] for row in gc_rows(40)}
    assert not scored[0] & scored[1]
    values = [
        metrics_of(here / "run" / name)["tasks"]["task"]["scores"]["test"]["rich"]["model"]["auroc"] for name in names
    ]
    found = metrics_of(here / "run")["summary"]["test, rich"]["model"]["auroc"]
    assert found["mean"] == pytest.approx(statistics.mean(values))
    assert found["deviation"] == pytest.approx(statistics.stdev(values))
    before = contents(here / "run")
    check_complaint(call(*arguments), "run already holds a run", "--resume")
    check_complaint(call(*arguments, "--resume", "--set", "epochs=2"), "settings differ")
    assert contents(here / "run") == before
    # as a kill in the third run leaves it
    shutil.rmtree(here / "run" / names[3])
    for name in ("config.toml", "report.html", "metrics.json", "scores.csv", f"{names[2]}/metrics.json"):
        (here / "run" / name).unlink()
    done(*arguments, "--resume")
    after = contents(here / "run")
    same = [
        name for name in before if name.endswith(("model.safetensors", "metrics.json", "predictions.csv", "scores.csv"))
    ]
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_a_single_seed_is_a_run_too(here: Path) -> None:
    write(here / "sites.csv", gc_rows(20))
    done("finetune", "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run", *tiny(seeds="[7]"))
    assert "seed = 7" in (here / "run" / "seed-7" / "config.toml").read_text()
    assert metrics_of(here / "run")["summary"]["test, rich"]["model"]["accuracy"]["count"] == 1


def test_yardsticks_stand_beside_the_model_on_all_and_on_clean_records(here: Path, pretrained: Path) -> None:
    rows = [{**row, "species": "fly" if n % 3 else "worm"} for n, row in enumerate(placed_rows((50,) * 32))]
    for test in (6, 7, 14):
        rows[test]["sequence"] = rows[test - 6]["sequence"]
        rows[test]["rich"] = rows[test - 6]["rich"]
    write(here / "sites.csv", rows)
    metrics = finetune(
        pretrained, here / "run", "--table", "sites.csv", "--template", GC_TEMPLATE,
        *dotted({"epochs": 1, "data.split_column": "part", "data.group": "species"}),
    )  # fmt: skip
    methods = [
        "model", "same network, random weights",
        "small CNN", "4-mer logistic regression", "GC content only",
    ]  # fmt: skip
    assert {name: list(found["rich"]) for name, found in metrics["scores"].items()} == {
        "test": methods, "test, not in training": methods,
    }  # fmt: skip
    assert [found["rich"]["model"]["count"] for found in metrics["scores"].values()] == [8, 5]
    groups = metrics["groups"]["rich"]
    assert {name: one["count"] for name, one in groups.items()} == {"fly": 5, "worm": 3}
    right = sum(one["count"] * one["accuracy"] for one in groups.values())
    assert right == pytest.approx(8 * metrics["scores"]["test"]["rich"]["model"]["accuracy"])
    assert any(note.startswith("3 of 8 test records have a sequence") for note in metrics["notes"])
    with (here / "run" / "scores.csv").open(newline="") as handle:
        assert {row["method"] for row in csv.DictReader(handle)} == set(methods)
    page = here / "run" / "report.html"
    check_stands_alone(page)
    assert "group by group" in page.read_text()
    assert "Attention" in page.read_text()
    assert (here / "run" / "random_weights" / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize("length", [60, 300])
def test_the_place_of_the_cut_is_marked_where_sequences_are_read_whole(
    length: int, here: Path, pretrained: Path
) -> None:
    write(here / "sites.csv", placed_rows((length,) * 24))
    finetune(
        pretrained, here / "run", "--table", "sites.csv", "--template", GC_TEMPLATE,
        *dotted({
            "epochs": 1, "beside": "[]", "data.split_column": "part", "data.cut": "[30,36]",
            "data.window": f"[10,{length}]", "views.frames": 2, "views.too_long": "centre",
        }),
    )  # fmt: skip
    page = (here / "run" / "report.html").read_text()
    assert ("counted from the dashed line, where data.cut" in page) == (length == 60)


def test_attention_names_the_record_that_it_cannot_read(
    pretrained: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = placed_rows()
    rows[3]["sequence"] *= 4
    write(here / "sites.csv", rows)
    (one,) = records_of({"template": GC_TEMPLATE, "data": {"table": "sites.csv", "split_column": "part"}})
    assert len(one.labelled.parts["train"]) == 12
    monkeypatch.setattr(report, "ATTENTION_RECORDS", 4)  # evenly among 12, so the second is row 4
    with pytest.raises(InputError, match=r"sites\.csv, row 4: "):
        report._attention(load_model(pretrained), one, "train")


def test_yardsticks_are_chosen_and_fitted_on_the_scaled_numbers(here: Path) -> None:
    rows = [{**row, "level": f"{10 ** (6 * gc_content(row['sequence'])):.6g}"} for row in gc_rows(120)]
    write(here / "sites.csv", rows)
    done(
        "finetune", "--table", "sites.csv", "--template", "<K>{sequence}<=><M>{level?:number}", "-o", "run",
        *tiny(beside="[gc]", transforms__level="log10(x)", data__fractions="[0.7,0.1,0.2]"),
    )  # fmt: skip
    scores = metrics_of(here / "run")["tasks"]["task"]["scores"]["test"]["level"]
    assert list(scores) == ["model", "GC content only"]
    assert scores["GC content only"]["determination"] > 0.99


def test_pairs_of_sequences_with_numbers_beside_them(here: Path, pretrained: Path) -> None:
    rows = [
        {
            "left": row["sequence"][: 12 + n], "right": row["sequence"][-30:],
            "age_1": n, "age_2": n % 7, "rich": row["rich"],
        }
        for n, row in enumerate(gc_rows(30))
    ]  # fmt: skip
    write(here / "sites.csv", rows)
    template = "<K>{left:sequence}<=><K>{right:sequence}<+><M>{age:number*2}<=><B>{rich?:boolean}"
    metrics = finetune(
        pretrained, here / "run", "--table", "sites.csv", "--template", template,
        *dotted({"epochs": 1, "transforms.age": "zscore", "beside": "[gc,kmers]", "data.mixed_lengths": "true"}),
    )  # fmt: skip
    assert list(metrics["scores"]["test"]["rich"]) == ["model", "4-mer logistic regression", "GC content only"]
    answers = {}
    others: dict[str, dict[str, object]] = {"new": {}, "other_sequence": {"right": "A" * 30}, "older": {"age_2": 6}}
    for name, changes in others.items():
        write(here / f"{name}.csv", [{**row, **changes} for row in rows[:3]])
        done("predict", here / "run" / "model", f"{name}.csv", "-o", "answers.csv", "--quiet")
        answers[name] = [row["probability_true"] for row in read_rows(here / "answers.csv")]
    assert answers["new"] != answers["other_sequence"] != answers["older"] != answers["new"]


@pytest.fixture(scope="module")
def overlapping(genome: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pre-trained model whose k-mers are embedded with those that overlap them."""
    run = tmp_path_factory.mktemp("overlapping")
    done("pretrain", "--fasta", f"K={genome}", "-o", run, "--quiet", *small(model__overlapping="true"))
    return run / "model"


def test_overlapping_embedding_writes_the_same_with_and_without_a_cache(overlapping: Path) -> None:
    model = load_model(overlapping)
    assert model.network.config.overlapping is not None
    template, vocabulary = Template.parse("<K>{window?:sequence}"), model.vocabulary
    prompt = encode_template(vocabulary, template, {"window": "ACGTTGACC"}, where="here")
    asked = [Continuation(prompt, sample) for sample in range(3)]
    grammar = Grammar(tuple(vocabulary.kmer_ids(3)))
    cached, plain = (
        generate(
            model.network, asked, grammar, max_tokens=20, sampling=Sampling(1.0, 0, 1.0), seed=3, use_cache=use_cache
        )
        for use_cache in (True, False)
    )
    assert [one.tolist() for one in cached] == [one.tolist() for one in plain]
    assert done("generate", overlapping, "<K>AC{window?:sequence}", "--max-tokens", "5", "--quiet").startswith(">")


def test_overlapping_kmers_of_another_vocabulary_are_refused(overlapping: Path, here: Path) -> None:
    shutil.copytree(overlapping, here / "model")
    config = json.loads((here / "model" / "config.json").read_text())
    config["overlapping"]["length"] = 2
    (here / "model" / "config.json").write_text(json.dumps(config))
    check_complaint(call("generate", "model", "<K>{a?:sequence}", "--quiet"), "overlapping k-mers", "vocabulary.json")


def test_overlapping_kmers_of_a_released_vocabulary_learn(here: Path) -> None:
    write(here / "sites.csv", [{"sequence": row["sequence"], "rich": row["rich"]} for row in gc_rows(20)])
    done(
        "finetune", "--table", "sites.csv", "--template", "<R>{sequence}<=><B>{rich?:boolean}", "-o", "run",
        *tiny(vocabulary="released-1to6mers", model__overlapping="true"),
    )  # fmt: skip
    table = load_model(here / "run" / "model").network.config.overlapping
    assert table is not None
    assert (table.letters, table.shortest, table.length) == (5, 1, 6)
    done("predict", "run/model", "sites.csv", "-o", "answers.csv", "--quiet")
    assert len(read_rows(here / "answers.csv")) == 20


def wait_for(pattern: str, folder: Path, process: "subprocess.Popen[str]") -> None:
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def test_run_stopped_in_training_and_killed_in_its_twin_ends_in_the_same_bits(here: Path, pretrained: Path) -> None:
    write(here / "sites.csv", gc_rows(40))
    arguments = [
        "finetune", "--model", pretrained, "--table", "sites.csv", "--template", GC_TEMPLATE, "--quiet",
        *dotted({
            "beside": "[random weights]", "model.dropout": 0.1, "training.steps": 24, "training.batch_size": 8,
            "training.checkpoint_every": 4, "training.validate_every": 6, "training.log_every": 1,
            "training.average": 0.9, "substitutions": 0.1, "views.frames": 3,
        }),
    ]  # fmt: skip
    done(*arguments, "-o", "whole")
    with start(*arguments, "-o", "killed", folder=here) as process:
        wait_for("killed/checkpoints/step-0000000*", here, process)
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[1]
    assert process.returncode == 1, said
    assert "Continue with --resume" in said
    assert not (here / "killed" / "random_weights").exists()
    with start(*arguments, "-o", "killed", "--resume", folder=here) as process:
        wait_for("killed/random_weights/checkpoints/step-0000000*", here, process)
        process.send_signal(signal.SIGKILL)
    assert not (here / "killed" / "metrics.json").exists()
    done(*arguments, "-o", "killed", "--resume")
    for run in ("", "random_weights"):
        assert lines_of(here / "killed" / run) == lines_of(here / "whole" / run)
        weights = [here / name / run / "model" / "model.safetensors" for name in ("killed", "whole")]
        assert weights[0].read_bytes() == weights[1].read_bytes()
    for name in ("predictions.csv", "metrics.json", "scores.csv"):
        assert (here / "killed" / name).read_bytes() == (here / "whole" / name).read_bytes(), name


def test_every_mistake_of_a_task_file_is_named_where_it_stands(complaint: Callable[[Case], None]) -> None:
    text = """
tempalte = "<K>{sequence}"
epochs = -1
seeds = [1, 1]
substitutions = 2
beside = ["gcc"]
[data]
tabel = "sites.csv"
[views]
frames = 0
[training]
average = 1
"""
    parts = (
        "in task.toml", "\n  template: is needed", "tempalte: there is no such setting. Did you mean 'template'?",
        "epochs = -1", "seeds: a seed stands twice", "substitutions = 2", "beside.0 = 'gcc'",
        "\n  data.classes: give", "training.average = 1", "\n  views.frames = 0",
        "\n  data.tabel: there is no such setting. Did you mean 'table'?",
    )  # fmt: skip
    complaint(Case(["finetune", "task.toml", "-o", "run"], parts, {"task.toml": text}))


SEVERAL_MISTAKES = """
vocabulary = "dna-3mer"
[training]
weights = { gc = 2 }
[tasks.rich]
template = "<K>{sequence}<=><B>{rich?:bool}"
data = { table = "sites.csv" }
[tasks.level]
template = "<K9>{sequence}<=><M>{level?:number}"
data = { table = "site.csv", genome = "genome.fa" }
tests = { other = { folder = "other" } }
transforms = { level = "log2(x)" }
class_weights = { high = 2 }
metric = "rmse"
"""


def test_what_shows_before_records_are_read_is_named_at_once(complaint: Callable[[Case], None]) -> None:
    files = {"task.toml": SEVERAL_MISTAKES, "sites.csv": table_text(gc_rows(20))}
    parts = (
        "7 mistakes in task.toml:", "\n  vocabulary: ",
        "\n  tasks.rich.template: Template, position 20: 'bool' is no kind", "\n    <K>{sequence}<=>",
        "\n  tasks.level.transforms.level: 'log2(x)' is no transform",
        "\n  tasks.level.class_weights: class_weights is high",
        "\n  tasks.level.data: site.csv does not exist. Did you mean 'sites.csv'?",
        "\n  tasks.level.data: genome.fa does not exist",
        "\n  tasks.level.tests.other: The folder other (data.folder) does not exist",
    )  # fmt: skip
    complaint(Case(["finetune", "task.toml", "-o", "run"], parts, files))
    readable = SEVERAL_MISTAKES.replace("bool}", "boolean}").replace("dna-3mer", "dna-3mers")
    files["task.toml"] = readable.replace("log2(x)", "log10(x)")
    more = (
        "7 mistakes in task.toml:", "\n  tasks.level.template: <K9> is not a reserved token",
        "\n  training.weights: training.weights names gc", "\n  tasks.level.metric: The task 'level' cannot be judged",
    )  # fmt: skip
    complaint(Case(["finetune", "task.toml", "-o", "run"], more, files))


def test_a_single_task_is_judged_by_the_metric_it_names(here: Path) -> None:
    write(here / "sites.csv", gc_rows(20))
    settings = load_settings(
        FinetuneSettings, None, ["metric=auroc", f"template={GC_TEMPLATE}", "data.table=sites.csv"], {}
    )
    assert settings.tasks["task"].metric == "auroc"
    done("finetune", "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run", *tiny(metric="auroc"))
    assert 'metric = "auroc"' in (here / "run" / "config.toml").read_text().partition("[training]")[2]


ONE_TASK = f'template = "{GC_TEMPLATE}"\n[data]\ntable = "sites.csv"\n'
IN_A_FOLDER = f'template = "{GC_TEMPLATE}"\n[data]\nfolder = "sites"\n'
GIVEN_TWICE: dict[str, tuple[str, list[str], tuple[str, ...]]] = {
    "table": (ONE_TASK, ["--table", "mine.csv"], ("--table", "task.toml", "data.table", "--set data.table=")),
    "another_source": (IN_A_FOLDER, ["--table", "mine.csv"], ("data.folder", "take data.folder out of the file")),
    "template": (ONE_TASK, ["--template", GC_TEMPLATE], ("--template", "task.toml", "--set template=")),
    "several_tasks": (MIXED, ["--table", "mine.csv"], ("--table is for a single task", "--set tasks.NAME.data.table=")),
    "template_of_several": (MIXED, ["--template", GC_TEMPLATE], ("--template is for", "--set tasks.NAME.template=")),
}


@pytest.mark.parametrize("name", GIVEN_TWICE)
def test_a_table_or_template_beside_a_task_file_that_has_its_own(name: str, complaint: Callable[[Case], None]) -> None:
    text, options, parts = GIVEN_TWICE[name]
    files = {"task.toml": text, "sites.csv": table_text(gc_rows(20)), "mine.csv": table_text(gc_rows(20))}
    complaint(Case(["finetune", "task.toml", *options, "-o", "run", *dotted(TINY)], parts, files))


def test_a_table_and_a_template_complete_a_task_file(here: Path) -> None:
    write(here / "sites.csv", gc_rows(20))
    (here / "task.toml").write_text('name = "rich"\n[data]\nduplicates = "drop"\n')
    done("finetune", "task.toml", "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run", *tiny())
    assert list(metrics_of(here / "run")["tasks"]) == ["rich"]
    assert 'duplicates = "drop"' in (here / "run" / "config.toml").read_text()

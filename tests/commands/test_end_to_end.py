"""From genome to answers by the command line alone: pre-train, fine-tune, predict, generate, evaluate."""

import csv
import gzip
import io
import json
import math
import re
import shlex
import signal
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam
import pytest
from tests.commands.calls import call_process, done, dotted, small, start
from tests.commands.examples import GC_TEMPLATE, Row, fasta_text, gc_content, gc_rows, random_bases

from dnagpt.cli import app
from dnagpt.data.corpus import CorpusConfig, SpeciesSource, open_corpus
from dnagpt.runs.pretraining import validation_windows

LEARNING = dotted(
    {"epochs": 12, "training.batch_size": 16, "training.learning_rate": 3e-3, "data.fractions": "[0.7,0.1,0.2]"}
)


def finetune(pretrained: Path, run: Path, *arguments: object) -> dict[str, Any]:
    """Fine-tune into a folder and give what metrics.json holds."""
    assert done("finetune", "--model", pretrained, "-o", run, "--quiet", *arguments) == f"{run / 'model'}\n"
    assert {path.name for path in (run / "model").iterdir()} == {
        "config.json", "model.safetensors", "vocabulary.json", "tasks.toml", "provenance.json",
    }  # fmt: skip
    metrics: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    (of_task,) = metrics["tasks"].values()
    return dict(of_task)


def sizes(metrics: dict[str, Any]) -> dict[str, int]:
    """How many records each part has."""
    return {part: found["records"] for part, found in metrics["split"]["parts"].items()}


# What a table may hold that a reader could "repair": leading zeros, NA, empty cells, commas, quotes, other scripts.
AWKWARD = {
    "id": ["007", "08", "1e5", "0x1F", "+1", "1_000"],
    "gene": ["NA", "nan", "", "None", "TRUE", "MARCH1"],
    "note": ["a, b", 'said "so"', " blanks ", "naïve β", "1.50", "2020-01-01"],
}


def awkward_rows() -> list[Row]:
    rows = gc_rows(6, seed=5)
    return [{**{name: cells[n] for name, cells in AWKWARD.items()}, "sequence": rows[n]["sequence"]} for n in range(6)]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write a table with Python's own means, in the format that the ending names."""
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0].keys(), delimiter="\t" if ".tsv" in path.name else ",")
        writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue().encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def read_rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_dict("records")  # type: ignore[return-value]
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in content.decode().splitlines()]
    return list(
        csv.DictReader(io.StringIO(content.decode(), newline=""), delimiter="\t" if ".tsv" in path.name else ",")
    )


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".jsonl", ".parquet"])
def test_answers_stand_beside_the_table_as_it_was(ending: str, here: Path, finetuned: Path) -> None:
    rows = awkward_rows()
    write_rows(here / f"sites{ending}", rows)
    done("predict", finetuned, f"sites{ending}", "-o", f"answers{ending}", "--quiet")
    answers = read_rows(here / f"answers{ending}")
    names = list(rows[0])
    assert [list(row) for row in answers] == [[*names, "predicted_rich", "probability_true"]] * 6
    assert [{name: row[name] for name in names} for row in answers] == rows
    for row in answers:
        probability = float(row["probability_true"])
        assert 0 <= probability <= 1
        assert row["predicted_rich"] == ("true" if probability > 0.5 else "false")


def test_answers_on_standard_output_are_those_of_the_file(here: Path, finetuned: Path) -> None:
    write_rows(here / "sites.csv", awkward_rows())
    done("predict", finetuned, "sites.csv", "-o", "answers.csv", "--quiet")
    expected = (here / "answers.csv").read_text()
    assert done("predict", finetuned, "sites.csv", "--quiet") == expected
    finished = call_process("predict", finetuned, "sites.csv", "-o", "-", folder=here)
    assert (finished.code, finished.out) == (0, expected)
    assert "6 of 6 answers" in finished.err


def test_parquet_keeps_its_types(here: Path, finetuned: Path) -> None:
    frame = pd.DataFrame(
        {"sequence": [row["sequence"] for row in gc_rows(3)], "count": [1, 2, 3], "seen": [True, False, True]}
    )
    frame.to_parquet(here / "sites.parquet")
    done("predict", finetuned, "sites.parquet", "-o", "answers.parquet", "--quiet")
    answers = pd.read_parquet(here / "answers.parquet")
    pd.testing.assert_frame_equal(answers[list(frame.columns)], frame)
    assert answers["probability_true"].dtype == np.float64


def test_answers_do_not_depend_on_the_rows_beside(here: Path, finetuned: Path) -> None:
    rows = gc_rows(30, seed=7)
    write_rows(here / "sites.csv", rows)
    write_rows(here / "turned.csv", rows[::-1])
    write_rows(here / "one.csv", rows[4:5])
    answers = {}
    for name in ("sites", "turned", "one"):
        done("predict", finetuned, f"{name}.csv", "-o", f"{name}.answers.csv", "--quiet")
        answers[name] = [float(row["probability_true"]) for row in read_rows(here / f"{name}.answers.csv")]
    assert answers["turned"] == pytest.approx(answers["sites"][::-1], abs=1e-5)
    assert answers["one"] == pytest.approx(answers["sites"][4:5], abs=1e-5)


def test_fasta_is_answered_record_by_record(here: Path, finetuned: Path) -> None:
    rows = gc_rows(5, seed=9)
    write_rows(here / "sites.csv", rows)
    (here / "sites.fa").write_text(fasta_text({row["id"]: row["sequence"] for row in rows}, width=7))
    done("predict", finetuned, "sites.csv", "-o", "table.csv", "--quiet")
    done("predict", finetuned, "sites.fa", "-o", "fasta.csv", "--quiet")
    table, fasta = read_rows(here / "table.csv"), read_rows(here / "fasta.csv")
    assert [row["name"] for row in fasta] == [row["id"] for row in rows]
    assert [int(row["length"]) for row in fasta] == [len(row["sequence"]) for row in rows]
    assert [row["probability_true"] for row in fasta] == [row["probability_true"] for row in table]


def test_what_was_learnt_holds_for_new_sequences(here: Path, finetuned: Path) -> None:
    rows = gc_rows(100, seed=11)
    write_rows(here / "sites.csv", rows)
    done("predict", finetuned, "sites.csv", "-o", "answers.csv", "--quiet")
    answers = read_rows(here / "answers.csv")
    right = [(row["predicted_rich"] == "true") == (row["rich"] == "yes") for row in answers]
    assert sum(right) >= 85


def test_same_records_give_the_same_model_from_any_format(here: Path, pretrained: Path) -> None:
    rows = gc_rows(40)
    weights = set()
    for ending in (".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"):
        write_rows(here / f"sites{ending}", rows)
        metrics = finetune(
            pretrained,
            here / f"run{ending}",
            "--table",
            f"sites{ending}",
            "--template",
            GC_TEMPLATE,
            "--set",
            "epochs=2",
        )
        assert metrics["part"] == "test"
        assert sizes(metrics) == {"train": 32, "validation": 4, "test": 4}
        weights.add((here / f"run{ending}" / "model" / "model.safetensors").read_bytes())
    assert len(weights) == 1


TASK = f"""name = "rich"
template = "{GC_TEMPLATE}"

[data]
classes = {{ true = ["rich*.fa"], false = ["poor.fa.gz"] }}
"""


def test_fasta_files_of_each_class(here: Path, pretrained: Path) -> None:
    rows = gc_rows(120)
    rich = {row["id"]: row["sequence"] for row in rows if row["rich"] == "yes"}
    poor = {row["id"]: row["sequence"].lower() for row in rows if row["rich"] == "no"}
    half = len(rich) // 2
    (here / "rich1.fa").write_text(fasta_text(dict(list(rich.items())[:half])))
    (here / "rich2.fa").write_text(fasta_text(dict(list(rich.items())[half:])))
    (here / "poor.fa.gz").write_bytes(gzip.compress(fasta_text(poor).encode()))
    (here / "task.toml").write_text(TASK)
    metrics = finetune(pretrained, here / "run", "task.toml", *LEARNING)
    assert sum(sizes(metrics).values()) == 120
    assert metrics["scores"]["test"]["rich"]["model"]["accuracy"] > 0.7
    tested = read_rows(here / "run" / "predictions.csv")
    assert {row["sequence"] for row in tested} <= {sequence.upper() for sequence in (rich | poor).values()}


def half_life(sequence: str) -> float:
    """A made-up quantity over a decade and a half that follows from the GC content."""
    return round(10 ** (1 + 2 * gc_content(sequence)), 3)


def test_numbers_come_back_in_the_unit_of_the_table(here: Path, pretrained: Path) -> None:
    rows = [{**row, "half_life": str(half_life(row["sequence"]))} for row in gc_rows(150)]
    write_rows(here / "sites.csv", rows)
    metrics = finetune(
        pretrained, here / "run", "--table", "sites.csv", "--template", "<K>{sequence}<=><M>{half_life?:number}",
        *LEARNING, "--set", "transforms.half_life=log10(x+1), zscore",
    )  # fmt: skip
    assert metrics["scores"]["test"]["half_life"]["model"]["pearson"] > 0.8
    new = gc_rows(60, seed=13)
    write_rows(here / "new.csv", new)
    done("predict", here / "run" / "model", "new.csv", "-o", "answers.csv", "--quiet")
    answers = read_rows(here / "answers.csv")
    predicted = np.array([math.log10(float(row["predicted_half_life"])) for row in answers])
    true = np.array([math.log10(half_life(row["sequence"])) for row in new])
    assert np.corrcoef(predicted, true)[0, 1] > 0.8
    assert abs(predicted - true).mean() < 0.15


def several_rows(count: int, *, seed: int = 0) -> list[Row]:
    rows = []
    for row in gc_rows(count, seed=seed):
        gc = gc_content(row["sequence"])
        level = "low" if gc < 0.4 else "middle" if gc < 0.6 else "high"
        rows.append(
            {**row, "poor": str(gc < 0.4).lower(), "level": level, "gc": f"{gc:.4f}", "at": f"{100 * (1 - gc):.2f}"}
        )
    return rows


SEVERAL = "<K>{sequence}<=><B>{rich?:boolean}<=>{level?:choice(low,middle,high)}<=><M>{gc?:number}"


def test_several_answers_of_every_kind(here: Path, pretrained: Path) -> None:
    write_rows(here / "sites.csv", several_rows(150))
    metrics = finetune(
        pretrained, here / "run", "--table", "sites.csv", "--template", SEVERAL, *LEARNING,
        "--set", "transforms.gc=zscore",
    )  # fmt: skip
    assert metrics["scores"]["test"]["gc"]["model"]["pearson"] > 0.8
    assert {"accuracy", "macro_f1", "intervals"} <= metrics["scores"]["test"]["level"]["model"].keys()
    new = several_rows(20, seed=3)
    write_rows(here / "new.csv", [{"sequence": row["sequence"]} for row in new])
    done("predict", here / "run" / "model", "new.csv", "-o", "answers.csv", "--quiet")
    answers = read_rows(here / "answers.csv")
    assert list(answers[0]) == [
        "sequence", "predicted_rich", "probability_true",
        "predicted_level", "probability_low", "probability_middle", "probability_high", "predicted_gc",
    ]  # fmt: skip
    for row in answers:
        chances = {name: float(row[f"probability_{name}"]) for name in ("low", "middle", "high")}
        assert sum(chances.values()) == pytest.approx(1)
        assert row["predicted_level"] == max(chances, key=lambda name: chances[name])


def test_two_answers_of_one_kind_keep_columns_of_their_own(here: Path, pretrained: Path) -> None:
    write_rows(here / "sites.csv", several_rows(60))
    template = "<K>{sequence}<=><B>{rich?:boolean}<=><B>{poor?:boolean}"
    finetune(pretrained, here / "run", "--table", "sites.csv", "--template", template, "--set", "epochs=1")
    write_rows(here / "new.csv", [{"sequence": row["sequence"]} for row in several_rows(3)])
    done("predict", here / "run" / "model", "new.csv", "-o", "answers.csv", "--quiet")
    assert list(read_rows(here / "answers.csv")[0]) == [
        "sequence", "predicted_rich", "probability_rich_true", "predicted_poor", "probability_poor_true",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [2, 3, 4, 7, 12])
def test_a_handful_of_records_is_enough(count: int, here: Path, pretrained: Path) -> None:
    rows = gc_rows(40)
    few = [row for row in rows if row["rich"] == "yes"][: count // 2]
    few += [row for row in rows if row["rich"] == "no"][: count - count // 2]
    write_rows(here / "sites.csv", few)
    metrics = finetune(pretrained, here / "run", "--table", "sites.csv", "--template", GC_TEMPLATE, "--set", "epochs=1")
    assert sum(sizes(metrics).values()) == count
    assert sizes(metrics)["train"] >= count / 2


def test_repeats_are_counted_and_told(here: Path, pretrained: Path) -> None:
    rows = gc_rows(30)
    write_rows(here / "sites.csv", rows + rows[:12])
    arguments = ["--table", "sites.csv", "--template", GC_TEMPLATE, "--set", "epochs=1"]
    kept = finetune(pretrained, here / "kept", *arguments)
    assert sum(sizes(kept).values()) == 42
    assert kept["notes"][0] == "12 of 42 records repeat the sequence of another; they are kept."
    assert kept["notes"][0] in (here / "kept" / "report.html").read_text()
    without = finetune(pretrained, here / "without", *arguments, "--set", "data.duplicates=drop")
    assert sum(sizes(without).values()) == 30
    assert without["notes"] == ["12 of 42 records repeat the sequence of another; they are left out."]


def test_network_can_start_from_random_weights(here: Path) -> None:
    write_rows(here / "sites.csv", gc_rows(40))
    arguments = ["--table", "sites.csv", "--template", GC_TEMPLATE, "--quiet", *small(vocabulary="dna-2mers")]
    done("finetune", "-o", "run", *arguments)
    assert json.loads((here / "run" / "model" / "vocabulary.json").read_text())["name"] == "dna-2mers"
    done("predict", "run/model", "sites.csv", "-o", "answers.csv", "--quiet")
    assert len(read_rows(here / "answers.csv")) == 40


def test_several_numbers_in_one_answer(here: Path, pretrained: Path) -> None:
    rows = [{**row, "share_1": row["gc"], "share_2": row["at"]} for row in several_rows(150)]
    write_rows(here / "sites.csv", rows)
    metrics = finetune(
        pretrained, here / "run", "--table", "sites.csv", "--template", "<K>{sequence}<=><M>{share?:number*2}",
        *LEARNING, "--set", "transforms.share=zscore",
    )  # fmt: skip
    assert metrics["scores"]["test"]["share_1"]["model"]["pearson"] > 0.8
    assert metrics["scores"]["test"]["share_2"]["model"]["pearson"] > 0.8
    write_rows(here / "new.csv", [{"sequence": row["sequence"]} for row in rows[:10]])
    done("predict", here / "run" / "model", "new.csv", "-o", "answers.csv", "--quiet")
    answers = read_rows(here / "answers.csv")
    assert 0 < np.mean([float(row["predicted_share_1"]) for row in answers]) < 1
    assert 20 < np.mean([float(row["predicted_share_2"]) for row in answers]) < 80


def test_logarithm_without_an_offset(here: Path, pretrained: Path) -> None:
    write_rows(here / "sites.csv", several_rows(60))
    finetune(
        pretrained, here / "run", "--table", "sites.csv", "--template", "<K>{sequence}<=><M>{at?:number}",
        "--set", "epochs=1", "--set", "transforms.at=log10(x), zscore",
    )  # fmt: skip
    done("predict", here / "run" / "model", "sites.csv", "-o", "answers.csv", "--quiet")
    assert all(float(row["predicted_at"]) > 0 for row in read_rows(here / "answers.csv"))


def read_generated(path: Path) -> dict[str, str]:
    with pysam.FastaFile(str(path)) as opened:
        return {name: opened.fetch(name) for name in opened.references}


def test_generated_sequences_are_fasta(here: Path, pretrained: Path) -> None:
    arguments = ["generate", pretrained, "<K>{window?:sequence}", "-n", "5", "--max-tokens", "30", "--quiet"]
    printed = done(*arguments)
    done(*arguments, "-o", "new.fa")
    assert (here / "new.fa").read_text() == printed
    found = read_generated(here / "new.fa")
    assert list(found) == [f"generated_{number}" for number in range(1, 6)]
    assert [len(sequence) for sequence in found.values()] == [90] * 5
    assert len(set(found.values())) == 5
    assert set("".join(found.values())) <= set("ACGT")
    assert "seed=0" in printed.splitlines()[0]


def test_same_seed_gives_the_same_bytes_for_any_batch(here: Path, pretrained: Path) -> None:
    arguments = ["generate", pretrained, "<K>ACG{window?:sequence}", "-n", "7", "--max-tokens", "20", "--quiet"]
    texts = {done(*arguments, "--seed", "3", "--batch-size", size) for size in (1, 2, 3, 64)}
    assert len(texts) == 1
    assert done(*arguments, "--seed", "4") not in texts


@pytest.mark.parametrize("letters", ["A", "ac", "ACG", "acgT", "ACGTTGCATG"])
def test_prompt_is_continued_where_it_ends(letters: str, here: Path, pretrained: Path) -> None:
    """K-mers are three letters: one or two that are left over begin the first k-mer that is generated."""
    template = f"<K>{letters}{{window?:sequence}}"
    done("generate", pretrained, template, "-n", "6", "--max-tokens", "4", "-o", "new.fa", "--quiet")
    for sequence in read_generated(here / "new.fa").values():
        assert sequence.startswith(letters.upper())
        assert len(sequence) == len(letters) // 3 * 3 + 12


def test_likeliest_tokens_are_the_same_every_time(here: Path, pretrained: Path) -> None:
    arguments = [
        "generate",
        pretrained,
        "<K>{window?:sequence}",
        "-n",
        "3",
        "--max-tokens",
        "9",
        "--quiet",
        "-o",
        "new.fa",
    ]
    for choice in (["--temperature", "0"], ["--top-k", "1"]):
        done(*arguments, *choice)
        assert len(set(read_generated(here / "new.fa").values())) == 1


class _Loads(HTMLParser):
    """Collects what a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("link", "iframe", "object", "embed", "base"):
            self.found.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "poster") and not (value or "").startswith(
                ("#", "data:")
            ):
                self.found.append(f"{tag} {name}={value}")


def check_stands_alone(page: Path) -> None:
    """Assert that a report loads nothing: no element, style sheet or script that points out of the file."""
    text = page.read_text(encoding="utf-8")
    loads = _Loads()
    loads.feed(text)
    assert loads.found == []
    assert [
        address
        for address in re.findall(r"url\(([^)]*)\)", text)
        if not address.strip("'\" ").startswith(("#", "data:"))
    ] == []
    assert "@import" not in text
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    assert re.findall(r"https?://[^\s\"'<)]+", without_names) == []
    assert "<svg" in text


def test_genome_is_evaluated(here: Path, genome: Path, pretrained: Path) -> None:
    printed = done("evaluate", pretrained, genome, "--species", "K", "--max-order", "3", "-o", "report", "--quiet")
    metrics = json.loads((here / "report" / "metrics.json").read_text())
    assert json.loads(printed) == metrics
    assert list(metrics["markov_bits_per_base"]) == ["1", "2", "3"]
    assert 1.8 < metrics["bits_per_base"] < 3
    assert metrics["windows"] * metrics["window_bases"] <= 6_000
    assert 0 <= metrics["order_accuracy"] <= 1
    assert 0 <= metrics["gc_mean_absolute_error"] <= 1
    check_stands_alone(here / "report" / "report.html")


def test_table_is_evaluated_beside_baselines(here: Path, finetuned: Path) -> None:
    write_rows(here / "sites.csv", gc_rows(60, seed=17))
    write_rows(here / "train.csv", gc_rows(60, seed=18))
    printed = done("evaluate", finetuned, "sites.csv", "--train", "train.csv", "-o", "report", "--quiet")
    metrics = json.loads((here / "report" / "metrics.json").read_text())
    assert json.loads(printed) == metrics
    assert list(metrics) == ["rich"]
    assert list(metrics["rich"]) == ["model", "4-mer logistic regression", "GC content only"]
    for scores in metrics["rich"].values():
        assert {"accuracy", "mcc", "f1", "auroc", "auprc", "confusion", "intervals"} <= scores.keys()
        assert scores["count"] == 60
        low, high = scores["intervals"]["accuracy"]
        assert 0 <= low <= scores["accuracy"] <= high <= 1
    assert metrics["rich"]["GC content only"]["accuracy"] > 0.9
    check_stands_alone(here / "report" / "report.html")
    check_stands_alone(finetuned.parent / "report.html")


def strictly(text: str) -> Any:
    """Read JSON as every other language does: without NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_scores_that_are_undefined_are_null(here: Path, finetuned: Path) -> None:
    rows = [row for row in gc_rows(40, seed=19) if row["rich"] == "yes"]
    write_rows(here / "sites.csv", rows)
    printed = done("evaluate", finetuned, "sites.csv", "-o", "report", "--quiet")
    scores = strictly(printed)["rich"]["model"]
    assert strictly((here / "report" / "metrics.json").read_text())["rich"]["model"] == scores
    assert scores["auroc"] is None
    assert scores["intervals"]["auroc"] == [None, None]
    assert "auroc is undefined" in scores["notes"][0]


def test_genomes_of_one_name_are_validated_together(here: Path) -> None:
    for folder, contig in (("human", "chr1"), ("mouse", "chr2")):
        (here / folder).mkdir()
        (here / folder / "genome.fa").write_text(fasta_text({contig: random_bases(9_000, seed=len(folder))}))
    sources = tuple(SpeciesSource(letter=letter, path=path) for letter, path in (
        ("R", here / "human" / "genome.fa"), ("S", here / "mouse" / "genome.fa")))  # fmt: skip
    corpus = open_corpus(CorpusConfig(species=sources))
    windows = validation_windows(corpus, 90, 100, lambda _: True)
    assert list(windows) == ["genome"]
    assert {window.species for window in windows["genome"]} == {"R", "S"}
    assert {window.interval.contig for window in windows["genome"]} == {"chr1", "chr2"}


def test_run_says_what_it_was_made_from(pretrained: Path, finetuned: Path) -> None:
    made = json.loads((finetuned / "provenance.json").read_text())
    assert made["command"] == "finetune"
    assert {"dnagpt", "torch", "numpy", "python"} <= made["versions"].keys()
    assert {Path(name).name for name in made["data"]} == {
        "sites.csv", "model.safetensors", "config.json", "vocabulary.json", "tasks.toml"
    }  # fmt: skip
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in made["data"].values())
    assert made["settings"]["tasks"]["task"]["template"] == GC_TEMPLATE
    assert json.loads((pretrained / "provenance.json").read_text())["command"] == "pretrain"


def lines_of(run: Path) -> list[dict[str, Any]]:
    """What a run wrote down, but for its speed."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "tokens_per_second"} for line in lines]


def test_killed_run_ends_in_the_same_weights(here: Path, pretrained: Path) -> None:
    write_rows(here / "sites.csv", gc_rows(60))
    arguments = [
        "finetune", "--model", pretrained, "--table", "sites.csv", "--template", GC_TEMPLATE, "--quiet",
        *dotted({
            "model.dropout": 0.1, "training.steps": 80, "training.batch_size": 8, "training.learning_rate": 1e-3,
            "training.checkpoint_every": 4, "training.validate_every": 6, "training.log_every": 1,
        }),
    ]  # fmt: skip
    done(*arguments, "-o", "whole")
    with start(*arguments, "-o", "killed", folder=here) as process:
        while not list((here / "killed").glob("checkpoints/step-0000002*")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (here / "killed" / "metrics.json").exists()
    done(*arguments, "-o", "killed", "--resume")
    for name in ("model/model.safetensors", "predictions.csv", "metrics.json"):
        assert (here / "killed" / name).read_bytes() == (here / "whole" / name).read_bytes(), name
    assert lines_of(here / "killed") == lines_of(here / "whole")


COMMANDS = [
    command.name or command.callback.__name__.replace("_", "-")
    for verb in app.registered_groups
    if verb.typer_instance is not None
    for command in verb.typer_instance.registered_commands
    if command.callback is not None
]


def test_every_command_is_listed() -> None:
    listed = done("--help").partition("Commands:")[2]
    assert re.findall(r"^  ([a-z][a-z-]*)", listed, flags=re.MULTILINE) == COMMANDS
    assert {"demo", "pretrain", "finetune", "predict", "generate", "evaluate"} <= set(COMMANDS)


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_the_command_understands(command: str, flag: str) -> None:
    text = " ".join(done(command, flag).split())
    example = shlex.split(text.partition("Example: ")[2])
    assert example[:2] == ["dnagpt", command]
    options = [word for word in example if word.startswith("-")]
    assert [
        option for option in options if f" {option}" not in text.partition("Options:")[2].partition("Example:")[0]
    ] == []


def test_module_is_the_command(here: Path) -> None:
    assert call_process("--help", folder=here).out.startswith("Usage: ")


def test_the_settings_that_a_run_wrote_down_repeat_it(pretrained: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "sites.csv", gc_rows(40, seed=8))
    first, again = tmp_path / "first", tmp_path / "again"
    finetune(pretrained, first, "--table", tmp_path / "sites.csv", "--template", GC_TEMPLATE, "--set", "epochs=2")
    finetune(pretrained, again, first / "config.toml")
    assert (first / "config.toml").read_text() == (again / "config.toml").read_text()
    weights = [(run / "model" / "model.safetensors").read_bytes() for run in (first, again)]
    assert weights[0] == weights[1]

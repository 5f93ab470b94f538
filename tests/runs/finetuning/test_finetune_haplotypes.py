"""Fine-tuning on haplotypes by the command line: windows, tables of sites, pre-trained networks, what is refused."""

import json
import signal
import time
from pathlib import Path

import pytest
from tests.commands.calls import call, check_complaint, contents, done, dotted, start
from tests.data.test_haplotype_records import write_panel

from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.store.folder import load_model

OF_A_NEW_NETWORK: dict[str, object] = dict.fromkeys(
    ("vocabulary", "model.preset", "model.layers", "model.width", "model.heads", "model.context")
)
PLAIN, PROMPTED = "<R>{haplotype?:sequence}", "<R><{population}><=>{haplotype?:sequence}"


def options(folder: Path, **values: object) -> list[str]:
    settings: dict[str, object] = {
        "vocabulary": "dna-3mers", "model.preset": "tiny", "model.layers": 1, "model.width": 16, "model.heads": 2,
        "model.context": 32, "epochs": 1, "training.batch_size": 8, "training.precision": "float32", "beside": "[]",
        "data.haplotypes.file": folder / "panel.hapt",
    }  # fmt: skip
    settings |= {name.replace("__", "."): value for name, value in values.items()}
    return ["--quiet", *dotted({name: value for name, value in settings.items() if value is not None})]


def finetune(folder: Path, *more: object, **values: object) -> Path:
    return Path(done("finetune", "--template", PLAIN, "-o", folder / "run", *more, *options(folder, **values)).strip())


def nats(folder: Path) -> dict[str, dict[str, float]]:
    metrics = json.loads((folder / "metrics.json").read_text())
    found: dict[str, dict[str, float]] = metrics["tasks"]["task"]["nats_per_haplotype"]
    return found


def test_the_report_sets_chains_of_sites_beside_the_model(tmp_path: Path) -> None:
    write_panel(tmp_path)
    finetune(tmp_path)
    found = nats(tmp_path / "run")
    assert list(found) == ["model", "Markov chain of 5 sites", "Markov chain of 10 sites", "independent sites"]
    assert set(found["model"]) == {"train", "validation", "test"}
    assert 0 < found["independent sites"]["train"] < 8
    assert "nats per haplotype" in (tmp_path / "run" / "report.html").read_text()
    assert "model" in done("runs", tmp_path / "run", "--score", "nats_per_haplotype")


@pytest.mark.parametrize(("sites", "places"), [(100, 34), (97, 33)])  # windows of one length, or not
def test_sites_that_do_not_fit_are_learned_in_windows(tmp_path: Path, sites: int, places: int) -> None:
    write_panel(tmp_path, sites=sites)
    model = load_model(finetune(tmp_path, tail=12))
    language = model.task().haplotypes
    assert language is not None
    assert len(language.spans) == 2
    assert language.tail == 12
    assert model.network.panel is not None
    assert model.network.panel.shape.places == places
    done("generate", tmp_path / "run" / "model", "-n", 6, "-o", tmp_path / "new.hapt", "--quiet")
    made = read_haplotypes(tmp_path / "new.hapt")
    assert made.sites.same_alleles(read_haplotypes(tmp_path / "panel.hapt").sites)


def test_a_network_may_do_without_tables_of_sites(tmp_path: Path) -> None:
    write_panel(tmp_path)
    model = load_model(finetune(tmp_path, model__panel=False))
    assert model.network.panel is None
    done("generate", tmp_path / "run" / "model", "-n", 4, "-o", tmp_path / "new.hapt", "--quiet")
    assert len(read_haplotypes(tmp_path / "new.hapt")) == 4


def test_a_pretrained_network_gets_tables_and_keeps_its_weights_to_begin_with(tmp_path: Path) -> None:
    write_panel(tmp_path)
    first = finetune(tmp_path, model__panel=False)
    first.parent.rename(tmp_path / "first")
    base = tmp_path / "first" / "model"
    run = finetune(tmp_path, "--model", base, training__steps=1, training__learning_rate=1e-12, **OF_A_NEW_NETWORK)
    before, after = load_model(base).network.state_dict(), load_model(run).network.state_dict()
    assert set(after) - set(before) == {f"panel.{name}.weight" for name in ("alleles", "bias", "norm", "outputs")}
    for name, weight in before.items():
        assert weight.allclose(after[name], atol=1e-6), name


def test_other_sites_take_the_place_of_those_learned_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_panel(tmp_path)
    finetune(tmp_path).parent.rename(tmp_path / "first")
    write_panel(tmp_path, sites=11)
    arguments = ["--model", tmp_path / "first" / "model", "--template", PLAIN, "-o", tmp_path / "run"]
    done("finetune", *arguments, "--set", "name=other", *options(tmp_path, **OF_A_NEW_NETWORK))
    assert "no longer writes those of task" in caplog.text
    assert list(load_model(tmp_path / "run" / "model").tasks) == ["other"]


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    write_panel(tmp_path)
    runs = []
    for name in ("one", "two"):
        finetune(tmp_path).parent.rename(tmp_path / name)
        runs.append(contents(tmp_path / name / "model")["model.safetensors"])
    assert runs[0] == runs[1]


def test_a_killed_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    write_panel(tmp_path)
    settings = options(tmp_path, epochs=30, training__patience=0)
    arguments = ["finetune", "--template", PLAIN, *settings]
    done(*arguments, "-o", tmp_path / "whole")
    process = start(*arguments, "-o", tmp_path / "killed", folder=tmp_path)
    while not list((tmp_path / "killed" / "checkpoints").glob("step-*/*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done(*arguments, "-o", tmp_path / "killed", "--resume")
    one, two = (contents(tmp_path / name / "model")["model.safetensors"] for name in ("whole", "killed"))
    assert one == two


def test_haplotype_models_are_not_for_transformers(tmp_path: Path) -> None:
    write_panel(tmp_path)
    folder = finetune(tmp_path)
    check_complaint(call("export", folder, "--to", "hf", "-o", tmp_path / "hf"), "tables of their sites")
    assert not (tmp_path / "hf").exists()


@pytest.mark.parametrize(
    ("template", "values", "parts"),
    [
        ("<R>{sequence}<=><B>{label?:boolean}", {}, ("is no template of haplotypes",)),
        (PROMPTED, {}, ("data.haplotypes.populations",)),
        (PLAIN, {"data__haplotypes__file": "absent.vcf.gz"}, ("absent.vcf.gz",)),
        (PLAIN, {"data__haplotypes__phase": "no"}, ("data.haplotypes.phase",)),
        (PLAIN, {"data__haplotypes__region": "7:1-10"}, ("no contig '7'",)),
        (PLAIN, {"data__split": "random"}, ("divided by person",)),
        (PLAIN, {"model__context": 4, "tail": 0}, ("A context of 4 tokens",)),
        (PLAIN, {"vocabulary": "rna"}, ("ACGT", "rna")),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_refused(
    tmp_path: Path, template: str, values: dict[str, object], parts: tuple[str, ...]
) -> None:
    write_panel(tmp_path)
    before = contents(tmp_path)
    finished = call("finetune", "--template", template, "-o", tmp_path / "run", *options(tmp_path, **values))
    check_complaint(finished, *parts)
    assert contents(tmp_path) == before


def test_two_sets_of_sites_are_too_many_for_one_network(tmp_path: Path) -> None:
    write_panel(tmp_path)
    (tmp_path / "two.toml").write_text(
        "".join(
            f'[tasks.{name}]\ntemplate = "{PLAIN}"\n[tasks.{name}.data.haplotypes]\nfile = "{tmp_path}/panel.hapt"\n'
            for name in ("one", "two")
        )
    )
    values = dict.fromkeys(["data.haplotypes.file"])
    finished = call("finetune", tmp_path / "two.toml", "-o", tmp_path / "run", *options(tmp_path, **values))
    check_complaint(finished, "one set of sites", "one, two")

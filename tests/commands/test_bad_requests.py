"""Templates, settings, models and folders that cannot be used: a sentence, exit code 2, nothing left behind."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.commands.calls import Case, call, check_complaint, contents, done, dotted, settings, small
from tests.commands.examples import GC_TEMPLATE, gc_rows, table_text

SITES = table_text(gc_rows(20))
FINETUNE = ["finetune", "--model", "@pretrained", "-o", "run", "--table", "sites.csv", *settings(training__steps=1)]
PRETRAIN = ["pretrain", "-o", "run", "--fasta", "K=@genome"]

TEMPLATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "empty": ("", ("template is empty", "<R>{sequence}")),
    "no_answer": ("<K>{sequence}", ("<K>{sequence} answers nothing", "{label?:boolean}")),
    "not_closed": ("<K>{sequence", ("position 4", "'{' is not closed", "\n  <K>{sequence\n     ^")),
    "closed_twice": ("<K>{sequence}}<=>{rich?:boolean}", ("position 14", "'}' is no part")),
    "token_not_closed": ("<K{sequence}", ("position 1",)),
    "blank": ("<K> {sequence}", ("position 4", "' ' is no part")),
    "unknown_kind": ("<K>{sequence}<=>{rich?:bool}", ("position 17", "'bool' is no kind", "boolean and choice(a,b,c)")),
    "no_kind": ("<K>{sequence}<=>{rich?}", ("position 17", "rich has no kind")),
    "one_choice": ("<K>{sequence}<=>{rich?:choice(a)}", ("position 17", "one choice only", "two or more")),
    "choice_twice": ("<K>{sequence}<=>{rich?:choice(a,b,a)}", ("position 17", "a of rich stands twice")),
    "no_numbers": ("<K>{sequence}<=>{rich?:number*0}", ("position 17", "number*0", "number*8")),
    "name_with_a_blank": ("<K>{sequence}<=>{is rich?:boolean}", ("position 17", "'is rich' cannot be a name")),
    "name_twice": ("<K>{sequence}<=>{rich?:boolean}{rich?:number}", ("position 32", "rich is taken", "its own name")),
    "answer_first": ("{rich?:boolean}", ("position 1", "comes first", "<R>")),
    "sequence_without_an_end": (
        "<K>{a?:sequence}{sequence}",
        ("position 4", "where the answered sequence a ends", "<=>"),
    ),
    "unknown_token": ("<K9>{sequence}<=>{rich?:boolean}", ("<K9> is not a reserved token", "It has")),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_that_cannot_be_read(name: str, complaint: Callable[[Case], None]) -> None:
    template, parts = TEMPLATES[name]
    arguments = [*FINETUNE, "--template", template]
    complaint(Case(arguments, parts, {"sites.csv": SITES}))


PRETRAINING_TEMPLATES = {
    "window_given": "<{species}>{window:sequence}",
    "no_window": "<{species}><M>{gc?:number}",
    "unknown_field": "<{species}>{window?:sequence}<=>{length?:number}",
    "another_sequence": "<{species}>{exon?:sequence}",
}


@pytest.mark.parametrize("name", PRETRAINING_TEMPLATES)
def test_pretraining_template_that_a_genome_cannot_fill_in(name: str, complaint: Callable[[Case], None]) -> None:
    template = PRETRAINING_TEMPLATES[name]
    arguments = [*PRETRAIN, "--set", f"template={template}"]
    complaint(Case(arguments, (f"{template} cannot be pre-trained on", "{window?:sequence}", "{gc?:number}")))


GENERATE = ["generate", "@pretrained", "<K>{window?:sequence}", "-o", "new.fa"]
GENERATIONS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "field_without_a_value": (
        ["generate", "@pretrained", "<K>{sequence}<=>{site?:sequence}"],
        ("no value for sequence", "letters themselves"),
    ),
    "token_without_a_value": (["generate", "@pretrained", "<{species}>{window?:sequence}"], ("no value for species",)),
    "no_answer": (["generate", "@pretrained", "<K>ACGT"], ("does not answer one sequence", "<R>{window?:sequence}")),
    "no_sequence": (["generate", "@pretrained", "<K>ACG<=>{rich?:boolean}"], ("does not answer one sequence",)),
    "no_base": (["generate", "@pretrained", "<K>ACGJ{window?:sequence}"], ("'J'", "Correct the letters")),
    "syntax": (["generate", "@pretrained", "<K>{window?:sequence"], ("position 4", "not closed")),
    "temperature": ([*GENERATE, "--temperature", "-1"], ("temperature >= 0", "-1.0")),
    "temperature_not_a_number": ([*GENERATE, "--temperature", "nan"], ("temperature >= 0", "nan")),
    "top_p": ([*GENERATE, "--top-p", "2"], ("0 < top_p <= 1", "2.0")),
    "top_k": ([*GENERATE, "--top-k", "-3"], ("top_k >= 0", "-3")),
    "none": ([*GENERATE, "-n", "0"], ("at least one sequence", "0 sequences")),
    "no_tokens": ([*GENERATE, "--max-tokens", "0"], ("at least one token", "0 tokens")),
    "tokens_beyond_the_context": ([*GENERATE, "--max-tokens", "65"], ("65 more", "context of 64", "fewer tokens")),
    "prompt_beyond_the_context": (
        ["generate", "@pretrained", f"<K>{'ACG' * 70}{{window?:sequence}}", "--max-tokens", "1"],
        ("71 tokens", "context of 64", "Shorten the prompt"),
    ),
}


@pytest.mark.parametrize("name", GENERATIONS)
def test_generation_that_cannot_be_done(name: str, complaint: Callable[[Case], None]) -> None:
    arguments, parts = GENERATIONS[name]
    complaint(Case(arguments, parts))


def _truncate(model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def _without(name: str) -> Callable[[Path], None]:
    return lambda model: (model / name).unlink()


def _with(name: str, text: str) -> Callable[[Path], None]:
    def write(model: Path) -> None:
        (model / name).write_text(text)

    return write


def _changed_config(**values: object) -> Callable[[Path], None]:
    def change(model: Path) -> None:
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps({**config, **values}))

    return change


DAMAGE: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "weights_cut_short": (_truncate, ("model.safetensors is damaged", "Copy the model folder again")),
    "weights_gone": (_without("model.safetensors"), ("model.safetensors is missing",)),
    "weights_are_text": (_with("model.safetensors", "version https://git-lfs"), ("model.safetensors is damaged",)),
    "vocabulary_gone": (_without("vocabulary.json"), ("not a whole model folder", "vocabulary.json is missing")),
    "tasks_gone": (_without("tasks.toml"), ("not a whole model folder", "tasks.toml is missing")),
    "provenance_gone": (_without("provenance.json"), ("provenance.json is missing",)),
    "config_gone": (_without("config.json"), ("config.json is missing",)),
    "config_of_another_model": (
        _with("config.json", '{"model_type": "gpt2"}'),
        ("config.json", "does not describe a dnagpt model"),
    ),
    "config_is_a_list": (_with("config.json", "[1]"), ("config.json", "does not hold a JSON object")),
    "config_is_no_json": (_with("config.json", "layers = 1"), ("config.json is not JSON",)),
    "vocabulary_is_no_json": (_with("vocabulary.json", "ACGT"), ("vocabulary.json",)),
    "tasks_are_no_toml": (_with("tasks.toml", "[pas"), ("tasks.toml is not TOML",)),
    "tasks_without_a_template": (_with("tasks.toml", "[pas]\nx = 1\n"), ("tasks.toml", "[pas]", "template")),
    "more_layers_than_weights": (_changed_config(layers=900), ("model.safetensors", "900 layers")),
    "another_width": (_changed_config(width=64), ("does not fit its configuration", "has shape")),
    "another_vocabulary_size": (_changed_config(vocabulary_size=500), ("500 tokens", "do not belong together")),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_model_folder_that_is_damaged(name: str, here: Path, pretrained: Path) -> None:
    damage, parts = DAMAGE[name]
    shutil.copytree(pretrained, here / "model")
    damage(here / "model")
    before = contents(here)
    check_complaint(call("generate", "model", "<K>{window?:sequence}", "-o", "new.fa", "--quiet"), *parts)
    assert contents(here) == before


def test_folders_that_are_no_models(here: Path, complaint: Callable[[Case], None]) -> None:
    complaint(Case(["predict", "nowhere", "sites.csv"], ("nowhere is not a model folder", "config.json")))
    (here / "empty").mkdir()
    complaint(Case(["predict", "empty", "sites.csv"], ("empty is not a whole model folder",)))
    complaint(
        Case(
            ["finetune", "--model", "empty", "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run"],
            ("empty is not a whole model folder",),
            {"sites.csv": SITES},
        )
    )


def test_checkpoint_folder_of_another_library(here: Path) -> None:
    """What transformers saves: the names are the same, the content is not."""
    folder = here / "gpt2"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "gpt2", "n_embd": 768}')
    (folder / "vocabulary.json").write_text('{"!": 0, "the": 1}')
    (folder / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    check_complaint(call("generate", "gpt2", "<K>{window?:sequence}", "--quiet"), "gpt2")


def test_run_that_is_there_is_left_alone(here: Path, pretrained: Path) -> None:
    shutil.copytree(pretrained.parent, here / "run")
    (here / "sites.csv").write_text(SITES)
    before = contents(here)
    arguments = [
        "finetune",
        "--model",
        str(pretrained),
        "--table",
        "sites.csv",
        "--template",
        GC_TEMPLATE,
        "-o",
        "run",
        "--quiet",
    ]
    check_complaint(call(*arguments), "run already holds a run", "--resume", "-o")
    check_complaint(call(*arguments, "--resume"), "settings differ", "another folder")
    assert contents(here) == before


def test_demo_that_is_there_is_left_alone(here: Path) -> None:
    (here / "demo").mkdir()
    (here / "demo" / "report.html").write_text("mine")
    check_complaint(call("demo", "-o", "demo", "--quiet"), "demo is not empty", "-o")
    assert (here / "demo" / "report.html").read_text() == "mine"


def test_demo_leaves_files_alone_that_it_did_not_write(here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "thesis.txt").write_text("ten years of work")
    check_complaint(call("demo", "-o", "mine", "--fasta", "K=nowhere.fa", "--quiet"))
    assert (here / "mine" / "thesis.txt").exists()


def test_debug_shows_where_it_happened(here: Path) -> None:
    with pytest.raises(Exception, match="nowhere") as caught:
        done("predict", "nowhere", "sites.csv", "--debug")
    assert type(caught.value).__name__ == "InputError"


# name -> (what is set, parts of the message)
SETTINGS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "unknown": (settings(training__leraning_rate=1), ("1 mistake", "training.leraning_rate", "'learning_rate'")),
    "unknown_section": (settings(trainig__steps=1), ("trainig: there is no such setting", "'training'?")),
    "wrong_type": (settings(training__steps="many"), ("training.steps = 'many'", "valid integer")),
    "out_of_range": (settings(corpus__alpha=7), ("corpus.alpha = 7", "less than or equal to 2")),
    "no_section": (settings(training=5), ("training = 5",)),
    "several_at_once": (
        settings(training__steps="many", training__batch_size=-1, model__contxt=5, model__preset="tinny"),
        ("4 mistakes", "training.steps = 'many'", "training.batch_size = -1", "model.contxt", "'context'?", "'tinny'"),
    ),
    "no_value": (["--set", "training.steps"], ("--set 'training.steps'", "section.key=value")),
    "no_name": (["--set", "=5"], ("--set '=5'", "section.key=value")),
    "nothing": (["--set", ""], ("--set ''", "section.key=value")),
    "two_dots": (["--set", "training..steps=5"], ("--set 'training..steps=5'", "section.key=value")),
    "open_bracket": (["--set", "training.betas=[0.9"], ("--set training.betas: '[0.9'", "close its brackets")),
    "unknown_variable": (settings(vocabulary="${oc.env:NO_SUCH_VARIABLE}"), ("NO_SUCH_VARIABLE",)),
    "unknown_preset": (settings(model__preset="tinny"), ("no preset 'tinny'", "dnagpt-h", "small")),
    "unknown_vocabulary": (settings(vocabulary="dna-3mer"), ("no vocabulary 'dna-3mer'", "dna-3mers")),
    "heads_that_do_not_divide": (settings(model__heads=5), ("model", "width 32", "5 heads")),
    "context_below_zero": (settings(model__context=-5), ("model.context", "greater than 1")),
    "context_without_room": (settings(model__context=3), ("context of 3 tokens", "no room for a window")),
    "unknown_metric": (settings(training__metric="accuracy"), ("no 'accuracy'", "order_accuracy")),
    "unknown_weight": (settings(training__weights__exon=2), ("training.weights names exon", "window, gc, reversed")),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_cannot_be_used(name: str, complaint: Callable[[Case], None]) -> None:
    changes, parts = SETTINGS[name]
    complaint(Case([*PRETRAIN, *small(), *changes], parts))


FINETUNE_SETTINGS: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "unknown_metric": ({"training.metric": "acuracy"}, ("no 'acuracy'", "accuracy, auprc", "'accuracy'")),
    "unknown_weight": ({"training.weights.gc": 2}, ("training.weights names gc", "answers rich")),
    "shape_of_a_trained_network": ({"model.width": 64}, ("model.width cannot be set", "Only model.dropout")),
    "fractions": ({"data.fractions": "[0.5,0.5,0.5]"}, ("data.fractions must add up to 1",)),
    "transform": ({"transforms.rich": "zscore"}, ("transform is given for rich", "number fields")),
    "unknown_transform": ({"transforms.rich": "log2(x)"}, ("'log2(x)' is no transform", "`zscore`")),
    "cut": ({"data.cut": "[9,3]"}, ("data.cut must be the start and the end",)),
    "unknown_class": ({"class_weights.rich": 2}, ("class_weights is rich", "classes answered are false, true")),
    "weight_below_zero": ({"class_weights.true": -2}, ("class_weights", "greater than or equal to 0")),
    "weight_without_end": ({"weight": ".inf"}, ("weight = inf", "finite number")),
    "seed_below_zero": ({"seeds": "[-1]"}, ("seeds.0 = -1", "greater than or equal to 0")),
    "folds_without_a_number": ({"every_fold": "true"}, ("every_fold needs data.folds",)),
    "unknown_yardstick": ({"beside": "[gcc]"}, ("beside.0 = 'gcc'", "'kmers'")),
    "name_of_a_list": ({"name": "[a]"}, ("name = ['a'] is not text",)),
    "name_of_a_path": ({"name": "../a"}, ("'../a'", "files are named after")),
    "two_metrics": ({"metric": "mcc", "training.metric": "f1"}, ("'mcc'", "'f1'", "give one of them")),
    "no_frames": ({"views.frames": 0}, ("views.frames = 0", "greater than or equal to 1")),
    "unknown_policy": ({"views.too_long": "cut"}, ("views.too_long = 'cut'", "'centre' or 'tiles'")),
    "shape_beyond_the_vocabulary": ({"model.overlapping": "true"}, ("model.overlapping cannot be set",)),
    "test_without_a_source": ({"tests.other.seed": 1}, ("tests.other.classes", "exactly one of data.table")),
    "test_called_like_a_part": ({"tests.test.table": "sites.csv"}, ("'test' is what a part of", "another name")),
    "warmup_of_all_epochs": (
        {"epochs": 2, "warmup_epochs": 2},
        ("1 mistake", "warmup_epochs: the learning rate would rise for 2 of 2"),
    ),
    "language_of_nothing": ({"language_epochs": -1}, ("language_epochs = -1", "greater than or equal to 0")),
}


@pytest.mark.parametrize("name", FINETUNE_SETTINGS)
def test_finetuning_settings_that_cannot_be_used(name: str, complaint: Callable[[Case], None]) -> None:
    values, parts = FINETUNE_SETTINGS[name]
    complaint(Case([*FINETUNE, "--template", GC_TEMPLATE, *dotted(values)], parts, {"sites.csv": SITES}))


ONE_CLASS = table_text([{**row, "part": "train" if row["rich"] == "yes" else "test"} for row in gc_rows(20)])
PAIR = "<K>{sequence}<=>{other:sequence}<=><B>{rich?:boolean}"
PAIRS = table_text([{**row, "other": "ACGT" * (9 if n == 4 else 12)} for n, row in enumerate(gc_rows(20))])

# name -> (arguments behind `finetune`, files, parts of the message)
RECORDS: dict[str, tuple[list[str], dict[str, str], tuple[str, ...]]] = {
    "one_class_in_training": (
        [*FINETUNE[5:], "--template", GC_TEMPLATE, *settings(data__split_column="part")],
        {"sites.csv": ONE_CLASS}, ("training records", "'yes' as rich", "another class"),
    ),
    "pairs_of_other_lengths_cut": (
        [*FINETUNE[5:], "--template", PAIR, *settings(data__cut="[36,40]")],
        {"sites.csv": PAIRS}, ("sites.csv, row 5", "36 letters", "36-40", "Correct data.cut"),
    ),
    "pairs_of_mixed_lengths": (
        [*FINETUNE[5:], "--template", PAIR], {"sites.csv": PAIRS.replace("ACGT" * 9, "ACGT" * 12)},
        ("sites.csv, row", "sequence has", "of 20 records have", "data.mixed_lengths = true"),
    ),
    "pair_longer_than_the_context": (
        [*FINETUNE[5:], "--template", PAIR, *settings(views__frames=2, data__mixed_lengths="true")],
        {"sites.csv": PAIRS.replace("ACGT" * 9, "ACGT" * 60)}, ("sites.csv, row", "context of 64"),
    ),
    "pair_without_a_centre": (
        [*FINETUNE[5:], "--template", PAIR, *settings(views__too_long="centre", data__mixed_lengths="true")],
        {"sites.csv": PAIRS}, ("views.too_long = 'centre'", "one given sequence"),
    ),
    "header_without_a_label": (
        ["--template", GC_TEMPLATE, *settings(data__train="a.fa", data__test="a.fa")],
        {"a.fa": ">one|1\nACGTACGT\n>two\nACGTACCC\n"}, ("a.fa, record 2", "'two' has no label", "data.separator"),
    ),
    "label_in_a_header_not_declared": (
        ["--template", "<K>{sequence}<=>{rich?:choice(a,b)}", *settings(data__train="a.fa", data__test="a.fa")],
        {"a.fa": ">one|a\nACGTACGT\n>two|c\nACGTACCC\n"}, ("a.fa, record 2", "'c'", "choices a, b"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_records_that_cannot_be_learnt_from(name: str, complaint: Callable[[Case], None]) -> None:
    arguments, files, parts = RECORDS[name]
    complaint(Case(["finetune", "--model", "@pretrained", "-o", "run", *arguments], parts, files))


# name -> (content of run.toml, parts of the message)
SETTINGS_FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "no_toml": (b"corpus = [", ("run.toml is not TOML",)),
    "no_text": (b'vocabulary = "\xff"', ("run.toml cannot be read", "utf-8")),
    "empty": (b"", ("1 mistake in run.toml", "corpus: is needed", "genomes")),
    "mistakes": (
        b'[corpus]\nspecies = [{ leter = "K", path = "a.fa" }]\n[training]\nsteps = "x"\n',
        ("3 mistakes in run.toml", "corpus.species.0.letter: is needed", "leter", "'letter'?", "training.steps = 'x'"),
    ),
}


@pytest.mark.parametrize("name", SETTINGS_FILES)
def test_settings_file_that_cannot_be_used(name: str, complaint: Callable[[Case], None]) -> None:
    content, parts = SETTINGS_FILES[name]
    complaint(Case(["pretrain", "run.toml", "-o", "run"], parts, {"run.toml": content}))


def test_settings_file_that_is_missing(complaint: Callable[[Case], None]) -> None:
    complaint(Case(["pretrain", "run.toml", "-o", "run"], ("no settings file run.toml", "Check the path")))


# name -> (arguments, parts of the message)
USAGE: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "no_number": (["generate", "model", "<K>{a?:sequence}", "-n", "many"], ("'-n'", "valid integer")),
    "no_batch": (["generate", "model", "<K>{a?:sequence}", "--batch-size", "0"], ("'--batch-size'", "equal to 1")),
    "precision": (["generate", "model", "<K>{a?:sequence}", "--precision", "half"], ("'half'", "bfloat16")),
    "markov_order": (["evaluate", "model", "genome.fa", "--max-order", "40"], ("'--max-order'", "equal to 10")),
    "unknown_option": (["generate", "model", "<K>{a?:sequence}", "--tempratur", "1"], ("--temperature",)),
    "unknown_command": (["generat", "model"], ("generate",)),
}


@pytest.mark.parametrize("name", USAGE)
def test_call_that_is_not_understood(name: str, here: Path) -> None:
    arguments, parts = USAGE[name]
    finished = call(*arguments)
    assert finished.code == 2
    assert finished.out == ""
    assert finished.err.startswith("Usage: ")
    assert "Traceback" not in finished.err
    for part in parts:
        assert part in finished.err

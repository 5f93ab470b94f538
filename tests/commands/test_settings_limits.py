"""Settings that no run can have: a sentence before anything is read or written, whatever they hold."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands.calls import call, check_complaint, contents, small
from tests.commands.examples import GC_TEMPLATE, gc_rows, table_text

HEAD = f'template = "{GC_TEMPLATE}"\nbeside = []\n'
DATA = '[data]\ntable = "sites.csv"\n'

OVERRIDES = {
    "training.betas": ("[-1,2]", "[0.9,1]", "[.nan,0.9]", "[0.9]"),
    "training.steps": ("0", "-1", "1.5", "9" * 40, ".inf"),
    "training.batch_size": ("0", "9" * 20),
    "training.learning_rate": ("0", "-1", ".nan", ".inf", "1e400"),
    "training.warmup_steps": ("-1", "9" * 20),
    "training.weight_decay": ("-1", ".nan", ".inf"),
    "training.embedding_decay": ("-0.1", ".inf"),
    "training.average": ("1", "-0.1", ".nan"),
    "training.clip": ("0", ".inf", ".nan"),
    "training.number_weight": ("-1", ".nan", ".inf"),
    "training.weights": ("{rich: -1}", "{rich: .nan}", "{rich: .inf}", "[1]"),
    "training.seed": ("-1", "9223372036854775808", "9" * 40),
    "data.seed": ("-1", "9223372036854775808", "9" * 40),
    "seeds": ("[-1]", "[1,1]", f"[{'9' * 40}]"),
    "epochs": ("0", "-1", ".inf", ".nan", "1e300"),
    "warmup_epochs": ("-1", ".inf", ".nan"),
    "language_epochs": ("-1", ".inf", ".nan"),
    "model.dropout": ("-1", "1.5", ".nan"),
    "beside": ("{}", "{a: 1}"),
}


@pytest.fixture
def sites(here: Path) -> Path:
    (here / "sites.csv").write_text(table_text(gc_rows(20)))
    return here


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in OVERRIDES.items() for value in values])
def test_a_value_that_no_run_can_have(name: str, value: str, sites: Path) -> None:
    before = contents(sites)
    (sites / "task.toml").write_text(HEAD + DATA)
    finished = call("finetune", "task.toml", "-o", "run", "--quiet", *small(), "--set", f"{name}={value}")
    check_complaint(finished, name.rsplit(".", maxsplit=1)[-1] if name != "beside" else "settings")
    assert contents(sites).keys() == {*before, "task.toml"}


DOUBLING = "".join(f'a{n} = "${{a{n - 1}}}${{a{n - 1}}}"\n' for n in range(1, 60))
FILES = {
    "nested tables": (HEAD + DATA + "x = " + "{a = " * 5000 + "1" + "}" * 5000, "cannot be read"),
    "nested lists": (HEAD + DATA + "x = " + "[" * 5000 + "]" * 5000, "cannot be read"),
    "nested names": (HEAD + DATA + "x" + ".a" * 2000 + " = 1\n", "20 levels deep"),
    "nested somewhat": (HEAD + DATA + "x = " + "[" * 30 + "]" * 30, "20 levels deep"),
    "values that double": ('a0 = "' + "x" * 20 + '"\n' + DOUBLING + HEAD + DATA, "only environment variables"),
    "a value of itself": ('a = "${a}"\n' + HEAD + DATA, "a = '${a}': only environment variables"),
    "another resolver": ('name = "${oc.create:{a: 1}}"\n' + HEAD + DATA, "only environment variables"),
    "an unknown variable": ('name = "${oc.env:NOT_SET_ANYWHERE}"\n' + HEAD + DATA, "NOT_SET_ANYWHERE"),
    "a number of 10,000 digits": ("epochs = " + "9" * 10_000 + "\n" + HEAD + DATA, "task.toml"),
    "a number of 4,000 digits": ("epochs = " + "9" * 4000 + "\n" + HEAD + DATA, "epochs"),
    "a long value": ('beside = ["' + "x" * 100_000 + '"]\n' + HEAD.replace("beside = []\n", "") + DATA, "beside"),
    "a name with a blank": ('name = "my task"\n' + HEAD + DATA, "a task cannot be called 'my task'"),
    "a name with an umlaut": ('name = "Größe"\n' + HEAD + DATA, "a task cannot be called 'Größe'"),
    "a name with a dot": ('name = "a.b"\n' + HEAD + DATA, "a task cannot be called 'a.b'"),
    "a name of 101 letters": (f'name = "{"x" * 101}"\n' + HEAD + DATA, "a task cannot be called 'xxx"),
    "no name": ('name = ""\n' + HEAD + DATA, "a task cannot be called ''"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_no_run_can_have(case: str, sites: Path) -> None:
    text, part = FILES[case]
    (sites / "task.toml").write_text(text)
    before = contents(sites)
    check_complaint(call("finetune", "task.toml", "-o", "run", "--quiet"), part)
    assert contents(sites) == before


def test_values_that_double_take_no_memory(sites: Path) -> None:
    """In a process that may take 1 GB."""
    (sites / "task.toml").write_text(FILES["values that double"][0])
    program = """
import resource
from pathlib import Path
from pydantic import BaseModel
from dnagpt.runs.configuration import load_settings
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
load_settings(BaseModel, Path("task.toml"), [])
"""
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, cwd=sites, capture_output=True, text=True, timeout=60, check=False)
    assert "InputError: a1 = '${a0}${a0}': only environment variables" in finished.stderr


def test_an_environment_variable_is_filled_in_with_its_default(sites: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TABLE", "absent-1.csv")
    for value, name in (("${oc.env:SOME_TABLE}", "absent-1.csv"), ("${oc.env:NOT_SET,absent-2.csv}", "absent-2.csv")):
        (sites / "task.toml").write_text(HEAD + DATA.replace("sites.csv", value))
        check_complaint(call("finetune", "task.toml", "-o", "run"), f"{name} does not exist")


@pytest.mark.parametrize("name", ["a_b-C", "_", "x" * 100])
def test_a_name_of_letters_digits_and_hyphens_is_a_name(name: str, sites: Path) -> None:
    (sites / "task.toml").write_text(f'name = "{name}"\n{HEAD}{DATA}')
    finished = call("finetune", "task.toml", "-o", "run", "--quiet", *small(), "--set", "training.steps=1")
    assert finished.code == 0, finished.err

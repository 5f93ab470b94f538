"""The released numbers through the command line: import, then predict and generate, for both vocabularies."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tests.commands.calls import done

from dnagpt.language.tokenizer import decode_sequence
from dnagpt.store.folder import load_model

TOLERANCE = 1e-5
NEXT = f"{{next?:choice({','.join(f'c{place}' for place in range(32))})}}"
"""A task that asks which of 32 reserved tokens comes next, so that a table shows what the logits at a place are."""


@pytest.fixture(scope="module", params=["dynamic", "fixed"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def cases(golden_dir: Path, kind: str) -> dict:
    return json.loads((golden_dir / f"cases_{kind}.json").read_text())


@pytest.fixture(scope="module")
def expected(golden_dir: Path, kind: str) -> dict[str, torch.Tensor]:
    return load_file(golden_dir / f"expected_{kind}.safetensors")


@pytest.fixture(scope="module")
def folder(golden_dir: Path, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "model"
    done("import", golden_dir / f"model_{kind}.pth", "--heads", 4, "-o", folder)
    return folder


def _ask(folder: Path, task: str, rows: list[dict], table: Path) -> pd.DataFrame:
    pd.DataFrame(rows).to_csv(table, index=False)
    answers = table.with_name("answers.csv")
    done("predict", folder, table, "--task", task, "--precision", "float32", "-o", answers, "--quiet")
    return pd.read_csv(answers)


def _sequence(prompt: str) -> str:
    return prompt.partition(">")[2].partition("<")[0]


def _chances(logits: torch.Tensor, ids: list[int]) -> np.ndarray:
    return logits.flatten().double()[ids].softmax(dim=0).numpy()


def _last(expected: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    return expected[name].reshape(3, -1)[-1]


def _numbers(case: dict) -> dict:
    return {
        "sequence": _sequence(case["prompt"]),
        **{f"half_life_{place}": number for place, number in enumerate(case["numbers"], 1)},
    }


def test_predict_gives_the_released_numbers(
    folder: Path, cases: dict, expected: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    answers = _ask(folder, "regression", [_numbers(case) for case in cases["regression"]], tmp_path / "genes.csv")
    wanted = [expected[f"number.{place}"].item() for place in range(len(cases["regression"]))]
    assert len(wanted) == 3
    np.testing.assert_allclose(answers["predicted_expression"], wanted, rtol=0, atol=TOLERANCE)


def test_predict_gives_the_released_answer_to_yes_or_no(
    folder: Path, cases: dict, expected: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    vocabulary = load_model(folder).vocabulary
    case = cases["sequences"][0]
    assert case["prompt"].endswith("<=><R>")
    answers = _ask(folder, "classification", [{"sequence": _sequence(case["prompt"])}], tmp_path / "sites.csv")
    wanted = _chances(_last(expected, "logits.0"), [vocabulary.false_id, vocabulary.true_id])
    np.testing.assert_allclose(answers["probability_true"], wanted[1], rtol=0, atol=TOLERANCE)


def test_predict_gives_the_released_chances_of_the_next_token(
    folder: Path, cases: dict, expected: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    vocabulary = load_model(folder).vocabulary
    asked = {f"logits.{place}": case for place, case in enumerate(cases["sequences"])}
    asked |= {f"number_logits.{place}": case for place, case in enumerate(cases["regression"])}
    assert len(asked) == 6
    tasks = folder / "tasks.toml"
    taught = tasks.read_text()
    for name, case in asked.items():
        prompt = case["prompt"]
        template = prompt.replace(_sequence(prompt), "{sequence}")
        row: dict = {"sequence": _sequence(prompt)}
        if "numbers" in case:
            template, row = template.replace("<+><M>", "<+><M>{half_life:number*8}"), _numbers(case)
        tasks.write_text(f'{taught}\n[next]\ntemplate = "{template}{NEXT}"\n')
        answers = _ask(folder, "next", [row], tmp_path / "prompts.csv")
        wanted = _chances(_last(expected, name), list(vocabulary.choice_ids(32)))
        found = [answers[f"probability_c{place}"][0] for place in range(32)]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
    tasks.write_text(taught)


def test_generate_gives_the_released_greedy_sequence(
    folder: Path, cases: dict, expected: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    vocabulary = load_model(folder).vocabulary
    for place, case in enumerate(cases["sequences"]):
        done(
            "generate", folder, case["prompt"] + "{continuation?:sequence}", "--temperature", 0, "--max-tokens", 24,
            "--any-kmer", "-o", tmp_path / "new.fa", "--quiet",
        )  # fmt: skip
        prompt = "" if "<=>" in case["prompt"] else _sequence(case["prompt"])
        written = "".join((tmp_path / "new.fa").read_text().splitlines()[1:])
        greedy = expected[f"greedy.{place}"].flatten().numpy()[-24:]
        assert written == prompt + decode_sequence(vocabulary, greedy)

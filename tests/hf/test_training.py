import copy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

import dnagpt
from dnagpt.data.batches import collate
from dnagpt.store.model import Model
from dnagpt.training.objective import AnswerLoss, Objective, answer_tally, to_tensors

pytestmark = pytest.mark.filterwarnings("default")  # the Trainer and PEFT call what transformers and torch deprecate
LORA = ["attention.qkv", "attention.output", "mlp_in", "mlp_out"]


def our_loss(model: Model, records: list[dict[str, object]]) -> float:
    rows = [model.task().rows(model.vocabulary, record) for record in records]
    batch = collate(rows, model.vocabulary.pad_id)
    objective = Objective(model.network, [AnswerLoss("label", is_number=False, weight=1.0)])
    with torch.no_grad():
        loss, _ = objective(to_tensors(batch, torch.device("cpu")), answer_tally([batch], 1))
    return float(loss)


@pytest.fixture(params=["made up", "GUE"])
def records(request: pytest.FixtureRequest) -> list[dict[str, object]]:
    """Sixteen labelled sequences: of two lengths, or the first of a table of the GUE benchmark."""
    if request.param == "GUE":
        path = request.getfixturevalue("data_dir") / "benchmarks" / "gue" / "mouse_0" / "train.csv"
        return pd.read_csv(path, nrows=16).to_dict("records")  # type: ignore[return-value]
    return [
        {"sequence": ("ACGTTGCA" if place % 2 else "GGCCAATTCC") * 3 + "ACGT"[place % 4], "label": place % 2}
        for place in range(16)
    ]


def test_the_trainer_s_loss_is_ours_over_accumulated_batches_and_its_model_opens_with_dnagpt(
    model: Model, folder: Path, records: list[dict[str, object]], tmp_path: Path
) -> None:
    opened, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    prompts = [opened.config.prompt.format(sequence=record["sequence"]) for record in records]
    data = [{**tokenizer(prompt), "labels": record["label"]} for prompt, record in zip(prompts, records, strict=True)]
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "run"), max_steps=6, per_device_train_batch_size=8, gradient_accumulation_steps=2,
        learning_rate=1e-2, logging_steps=1, save_steps=3, report_to=[], use_cpu=True, disable_tqdm=True, seed=1,
        warmup_steps=0,
    )  # fmt: skip
    trainer = Trainer(opened, arguments, train_dataset=data, data_collator=DataCollatorWithPadding(tokenizer))
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[0] == pytest.approx(our_loss(model, records), rel=1e-3)
    assert losses[-1] < losses[0]

    trainer.save_model(str(tmp_path / "model"))
    sequences = [record["sequence"] for record in records]
    answered = dnagpt.load(tmp_path / "model").predict(pd.DataFrame({"sequence": sequences}))
    with torch.no_grad():
        logits = opened.eval()(**tokenizer(prompts, padding=True, return_tensors="pt")).logits
    assert answered["probability_true"].tolist() == pytest.approx(logits.softmax(-1)[:, 1].tolist(), abs=1e-5)

    begun = AutoModelForSequenceClassification.from_pretrained(folder)
    resumed = Trainer(begun, arguments, train_dataset=data, data_collator=DataCollatorWithPadding(tokenizer))
    resumed.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-3"))
    for name, weight in opened.state_dict().items():
        torch.testing.assert_close(begun.state_dict()[name], weight, atol=1e-6, rtol=1e-5)


def test_language_modelling_counts_tokens_and_no_numbers(folder: Path) -> None:
    opened = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([[21, 40, 41, 42, 20, 43]])
    is_number = torch.tensor([[False] * 4 + [True, False]])
    numbers = is_number * 2.0
    with torch.no_grad():
        found = opened(ids, numbers=numbers, is_number=is_number, labels=ids)
        scores = opened(ids, numbers=numbers, is_number=is_number).logits[0].log_softmax(-1)
    expected = -torch.stack([scores[place, ids[0, place + 1]] for place in (0, 1, 2, 4)]).mean()
    assert float(found.loss) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("kind", ["transformers", "plain"])
def test_lora_adapts_saves_and_merges(model: Model, folder: Path, tmp_path: Path, kind: str) -> None:
    ids = torch.tensor([[21, 40, 41, 42, 43, 14]])

    def fresh() -> Any:
        return AutoModelForCausalLM.from_pretrained(folder) if kind == "transformers" else copy.deepcopy(model.network)

    def says(network: Any) -> torch.Tensor:
        with torch.no_grad():
            answer = network.eval()(ids)
            return answer.logits if kind == "transformers" else network.token_logits(answer)

    before = says(fresh())
    task = "CAUSAL_LM" if kind == "transformers" else None
    torch.manual_seed(0)
    adapted: Any = get_peft_model(
        fresh(), LoraConfig(task_type=task, r=4, target_modules=LORA, init_lora_weights=False)
    )
    trained = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert len(trained) == 2 * len(LORA) * model.network.config.layers
    after = says(adapted)
    assert float((after - before).abs().max()) > 1e-2
    adapted.save_pretrained(tmp_path / "adapter")
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    again: Any = PeftModel.from_pretrained(fresh(), str(tmp_path / "adapter"))
    torch.testing.assert_close(says(again), after)
    merged: Any = again.merge_and_unload()
    torch.testing.assert_close(says(merged), after, atol=1e-5, rtol=1e-5)
    if kind == "transformers":
        merged.save_pretrained(tmp_path / "merged")
        network = dnagpt.load(tmp_path / "merged").model.network
        with torch.no_grad():
            torch.testing.assert_close(network.token_logits(network(ids)), after, atol=1e-5, rtol=1e-5)

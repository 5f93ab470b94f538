import copy
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.hf.models import one_with_overlapping_kmers
from tests.inference.models import TASKS, random_records, tiny_model
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
)

import dnagpt
from dnagpt.data.batches import collate
from dnagpt.errors import InputError
from dnagpt.hf import DNAGPTConfig, DNAGPTForCausalLM
from dnagpt.hf.reading import cache_of
from dnagpt.inference.predict import predict
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, PRESETS, ModelConfig
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model
from dnagpt.store.transformers_settings import OF_TRANSFORMERS
from dnagpt.store.weights import Absent

PROMPTS = ["<R>ACGTA<=><B>", "<R>ACGGGTTTTANNTA<=><B>", "<R>A"]
TOLERANCE = 1e-5


def left_filled(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)(PROMPTS, padding=True, return_tensors="pt")


def plain_rows(model: Model, folder: Path) -> list[torch.Tensor]:
    """What the plain network says of each prompt on its own: token scores and numbers, (L, V + 1)."""
    tokenizer, answers = AutoTokenizer.from_pretrained(folder), []
    for prompt in PROMPTS:
        with torch.no_grad():
            hidden = model.network(torch.tensor([tokenizer(prompt)["input_ids"]]))
            answers.append(
                torch.cat((model.network.token_logits(hidden), model.network.number(hidden)[..., None]), -1)[0]
            )
    return answers


def one_with_numbers() -> tuple[Model, dict[str, torch.Tensor]]:
    model = replace(tiny_model(), tasks={"level": TASKS["level"]})
    records = random_records(3)
    rows = [model.task().rows(model.vocabulary, record, prompt_only=True) for record in records]
    batch = collate(rows, model.vocabulary.pad_id)
    filled = np.array([np.arange(batch.ids_BL.shape[1]) < len(row) for row in rows])
    inputs = {"input_ids": batch.ids_BL, "numbers": batch.numbers_BL, "is_number": batch.is_number_BL}
    return model, {name: torch.from_numpy(row) for name, row in (*inputs.items(), ("attention_mask", filled))}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_a_row_filled_at_the_left_answers_as_the_plain_network_does_without(
    model: Model, folder: Path, attention: str
) -> None:
    opened = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)
    assert isinstance(opened, DNAGPTForCausalLM)
    with torch.no_grad():
        found = opened(**left_filled(folder))
    for place, expected in enumerate(plain_rows(model, folder)):
        said = torch.cat((found.logits, found.numbers[..., None]), dim=-1)[place, -len(expected) :]
        torch.testing.assert_close(said, expected, atol=TOLERANCE, rtol=0)


@pytest.mark.slow  # the attention is compiled at its first call
@pytest.mark.filterwarnings("default")  # of torch's compiler
def test_flex_attention_agrees(model: Model, folder: Path) -> None:
    opened = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="flex_attention")
    with torch.no_grad():
        found = opened(**left_filled(folder)).logits
    for place, expected in enumerate(plain_rows(model, folder)):
        torch.testing.assert_close(found[place, -len(expected) :], expected[:, :-1], atol=TOLERANCE, rtol=0)
    with pytest.raises(InputError, match=r"'flex_attention' cannot run here: .* backward on CPU.*'sdpa'"):
        opened(**left_filled(folder))


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_released_parts_and_every_position_kind_agree_with_the_plain_network(tmp_path: Path, positions: Any) -> None:
    vocabulary = Vocabulary.preset("dna-2mers")
    config = ModelConfig(
        vocabulary_size=vocabulary.size, context=32, layers=2, heads=2, width=16, positions=positions,
        number_embedding="released",
    )  # fmt: skip
    network = DNAGPT(config).eval()
    save_model(tmp_path / "model", Model(network, vocabulary, {}))
    opened = AutoModel.from_pretrained(tmp_path / "model")
    ids, numbers = torch.randint(34, 50, (2, 9)), torch.randn(2, 9)
    is_number = numbers > 0.5
    with torch.no_grad():
        expected = network(ids, numbers, is_number)
        found = opened(ids, numbers=numbers, is_number=is_number, output_hidden_states=True)
    torch.testing.assert_close(found.last_hidden_state, expected, atol=TOLERANCE, rtol=0)
    assert len(found.hidden_states) == config.layers + 1
    assert torch.equal(found.hidden_states[-1], found.last_hidden_state)
    assert found.hidden_states[0].shape == expected.shape


def test_overlapping_kmers_are_read_filled_and_with_a_cache_as_the_plain_network_reads_them(tmp_path: Path) -> None:
    model = one_with_overlapping_kmers()
    save_model(tmp_path / "model", model)
    opened, inputs = AutoModelForCausalLM.from_pretrained(tmp_path / "model"), left_filled(tmp_path / "model")
    with torch.no_grad():
        found = opened(**inputs)
        for place, expected in enumerate(plain_rows(model, tmp_path / "model")):
            said = torch.cat((found.logits, found.numbers[..., None]), dim=-1)[place, -len(expected) :]
            torch.testing.assert_close(said, expected, atol=TOLERANCE, rtol=0)
        ids = inputs["input_ids"][1:2]
        whole = opened(ids).logits
        begun = opened(ids[:, :3], use_cache=True)
        rest = {"input_ids": ids[:, 3:], "past_key_values": cache_of(begun)}
        with pytest.raises(InputError, match="as last_ids"):
            opened(**rest)
        found = opened(**rest, last_ids=ids[:, 2:3]).logits
        torch.testing.assert_close(found, whole[:, 3:], atol=TOLERANCE, rtol=0)
    for settings in ({"do_sample": False}, {"num_beams": 3, "num_return_sequences": 2, "do_sample": False}):
        both = [opened.generate(**inputs, max_new_tokens=12, use_cache=cached, **settings) for cached in (True, False)]
        assert torch.equal(*both)
    opened.save_pretrained(tmp_path / "again")
    assert load_model(tmp_path / "again").network.config == model.network.config


def test_weights_that_lack_a_head_open_and_say_so_when_it_is_asked(tmp_path: Path) -> None:
    model = one_with_numbers()[0]
    model.network.number_head = Absent("number_head")  # type: ignore[assignment]
    save_model(tmp_path / "model", replace(model, tasks={"signal": TASKS["signal"]}))
    opened = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    ids = torch.tensor([[21, 40, 41]])
    with torch.no_grad():
        found = opened(ids)
        torch.testing.assert_close(found.logits, model.network.token_logits(model.network(ids)))
    assert found.numbers is None
    opened.save_pretrained(tmp_path / "again")
    assert load_model(tmp_path / "again").lacks == ("number_head",)
    with pytest.raises(InputError, match="no number head"):
        AutoModelForSequenceClassification.from_pretrained(tmp_path / "model", num_labels=1)(ids)
    with pytest.raises(ValueError, match="lacks is to be a list of"):
        DNAGPTConfig(**model.network.config.model_dump(), lacks=["forward"])


def test_weights_in_several_files_are_refused_by_dnagpt_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(tmp_path / "model", max_shard_size="20KB")
    assert len(list((tmp_path / "model").glob("*.safetensors"))) > 1
    AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match=r"several files \(model.safetensors.index.json\).* larger max_shard_size"):
        load_model(tmp_path / "model")


def test_attention_weights_are_seen_in_eager_attention_only(folder: Path) -> None:
    inputs = left_filled(folder)
    with torch.no_grad():
        weights = AutoModel.from_pretrained(folder, attn_implementation="eager")(
            **inputs, output_attentions=True
        ).attentions
    length = inputs["input_ids"].shape[1]
    assert [one.shape for one in weights] == [(3, 2, length, length)] * 2
    real = inputs["attention_mask"].bool()
    sums = weights[0].sum(dim=-1).transpose(1, 2)[real]
    torch.testing.assert_close(sums, torch.ones_like(sums))
    assert float(weights[0][2, :, -1, : length - 3].abs().max()) < 1e-6, "filling is never attended to"
    with pytest.raises(InputError, match="attn_implementation='eager'"):
        AutoModel.from_pretrained(folder, attn_implementation="sdpa")(**inputs, output_attentions=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"do_sample": False},
        {"num_beams": 3, "num_return_sequences": 2, "do_sample": False},
        {"do_sample": True, "num_return_sequences": 3, "top_k": 5},
    ],
    ids=["greedy", "beams", "sampling"],
)
def test_generating_with_a_cache_equals_generating_without(folder: Path, settings: dict[str, Any]) -> None:
    opened, inputs = AutoModelForCausalLM.from_pretrained(folder), left_filled(folder)
    found = []
    for use_cache in (True, False):
        torch.manual_seed(3)
        found.append(opened.generate(**inputs, max_new_tokens=12, use_cache=use_cache, **settings))
    assert torch.equal(*found)
    assert len(found[0]) == 3 * settings.get("num_return_sequences", 1)


def test_a_cache_is_taken_under_both_of_its_names_without_a_warning(folder: Path) -> None:
    """Versions of transformers differ in the name; warnings are errors here."""
    opened, inputs = AutoModelForCausalLM.from_pretrained(folder), left_filled(folder)
    ids = inputs["input_ids"][1:2, -6:]
    with torch.no_grad():
        whole = opened(ids).logits
        for name in ("cache", "past_key_values"):
            begun = cache_of(opened(ids[:, :4], use_cache=True))
            found = opened(ids[:, 4:], **{name: begun}).logits
            torch.testing.assert_close(found, whole[:, 4:], atol=TOLERANCE, rtol=0)
            with pytest.raises(InputError, match="two names of one argument"):
                opened(ids, cache=begun, past_key_values=cache_of(opened(ids, use_cache=True)))
        hidden = AutoModel.from_pretrained(folder)(ids, use_cache=True)
    assert cache_of(hidden).get_seq_length() == 6  # type: ignore[union-attr]


def test_a_left_filled_row_is_continued_as_it_is_alone(folder: Path) -> None:
    opened, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    inputs = left_filled(folder)
    together = opened.generate(**inputs, max_new_tokens=10, do_sample=False)[:, inputs["input_ids"].shape[1] :]
    for place, prompt in enumerate(PROMPTS):
        alone = tokenizer(prompt, return_tensors="pt")
        row = opened.generate(**alone, max_new_tokens=10, do_sample=False)[0, alone["input_ids"].shape[1] :]
        assert torch.equal(row, together[place, : len(row)])


def test_numbers_enter_beside_the_tokens_and_leave_by_their_own_head(tmp_path: Path) -> None:
    model, inputs = one_with_numbers()
    save_model(tmp_path / "model", model)
    opened = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    with torch.no_grad():
        found = opened(**inputs)
        hidden = model.network(inputs["input_ids"], inputs["numbers"], inputs["is_number"])
        torch.testing.assert_close(
            found.numbers[inputs["attention_mask"]], model.network.number(hidden)[inputs["attention_mask"]]
        )
    last = {name: row[:1, : int(inputs["attention_mask"][0].sum())] for name, row in inputs.items()}
    del last["attention_mask"]
    assert bool(last["is_number"].any())
    rows = [opened.generate(**last, max_new_tokens=8, do_sample=False, use_cache=cached) for cached in (True, False)]
    assert torch.equal(*rows)
    one = {"max_new_tokens": 1, "output_logits": True, "return_dict_in_generate": True}
    moved = opened.generate(**{**last, "numbers": last["numbers"] * 100}, **one)
    same = opened.generate(**last, **one)
    assert float((moved.logits[0] - same.logits[0]).abs().max()) > 1e-3


def test_a_task_of_dnagpt_classifies_without_new_weights(model: Model, folder: Path) -> None:
    sequences = ["ACGTA", "ACGGGTTTTANNTA", "GG"]
    opened, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    prompts = [opened.config.prompt.format(sequence=sequence) for sequence in sequences]
    expected = dnagpt.load(folder).predict(sequences)
    for side in ("left", "right"):
        inputs = tokenizer(prompts, padding=True, padding_side=side, return_tensors="pt")
        for mask in (inputs["attention_mask"], None):
            if side == "left" and mask is None:
                continue
            with torch.no_grad():
                logits = opened(inputs["input_ids"], attention_mask=mask).logits
            assert logits.softmax(-1)[:, 1].tolist() == pytest.approx(expected["probability_true"].tolist(), abs=1e-5)
    assert opened.config.id2label == {0: "false", 1: "true"}


def test_a_choice_and_a_number_are_answered_too(tmp_path: Path) -> None:
    model = tiny_model()
    save_model(tmp_path / "site", replace(model, tasks={"site": TASKS["site"]}))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "site")
    opened = AutoModelForSequenceClassification.from_pretrained(tmp_path / "site")
    expected = dnagpt.load(tmp_path / "site").predict(["ACGTA"])
    inputs = tokenizer(opened.config.prompt.format(sequence="ACGTA"), return_tensors="pt")
    with torch.no_grad():
        said = opened(**inputs).logits.softmax(-1)[0].tolist()
    assert list(opened.config.id2label.values()) == ["donor", "acceptor", "neither"]
    assert said == pytest.approx(expected.filter(like="probability").iloc[0].tolist(), abs=1e-5)

    numbers, inputs = one_with_numbers()
    save_model(tmp_path / "level", numbers)
    opened = AutoModelForSequenceClassification.from_pretrained(tmp_path / "level")
    with torch.no_grad():
        found = opened(**inputs, labels=torch.zeros(3))
    task = numbers.task()
    truth = predict(numbers, task, random_records(3), precision="float32")[0].numbers[:, 0]
    in_unit = task.in_users_unit("level", found.logits[:, 0].numpy())
    assert np.asarray(in_unit).tolist() == pytest.approx(truth.tolist(), rel=1e-4)
    assert float(found.loss) == pytest.approx(float(found.logits.square().mean()), rel=1e-5)


def test_a_folder_saved_by_transformers_opens_with_dnagpt(model: Model, folder: Path, tmp_path: Path) -> None:
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "model")
    found = load_model(tmp_path / "model")
    assert (found.vocabulary, found.tasks, found.provenance) == (model.vocabulary, model.tasks, model.provenance)
    assert found.network.config == model.network.config
    assert all(
        torch.equal(weight, found.network.state_dict()[name]) for name, weight in model.network.state_dict().items()
    )
    first, second = (json.loads((one / "config.json").read_text()) for one in (folder, tmp_path / "model"))
    assert second["tasks_sha256"] == first["tasks_sha256"]
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert again.config.to_dict() | {"_name_or_path": ""} == AutoModelForCausalLM.from_pretrained(
        folder
    ).config.to_dict() | {"_name_or_path": "", "dtype": "float32"}
    again.load_state_dict(load_file(tmp_path / "model" / "model.safetensors"), strict=True)


def test_weights_of_half_precision_are_computed_with_in_float32_unless_another_type_is_asked_for(
    model: Model, tmp_path: Path
) -> None:
    half = replace(model, network=copy.deepcopy(model.network).half())
    save_model(tmp_path / "half", half)
    AutoModelForCausalLM.from_pretrained(tmp_path / "half", dtype=torch.bfloat16).save_pretrained(tmp_path / "bfloat16")
    for name in ("half", "bfloat16"):
        for auto in (AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification):
            assert auto.from_pretrained(tmp_path / name).dtype == torch.float32
        opened = AutoModelForCausalLM.from_pretrained(tmp_path / name, dtype=torch.bfloat16)
        assert opened.dtype == torch.bfloat16
        assert AutoModel.from_pretrained(tmp_path / name, dtype="auto").dtype == getattr(torch, name)
        said, ours = AutoModelForCausalLM.from_pretrained(tmp_path / name), load_model(tmp_path / name).network
        ids = torch.tensor([[21, 40, 41]])
        with torch.no_grad():
            torch.testing.assert_close(said(ids).logits, ours.token_logits(ours(ids)), atol=TOLERANCE, rtol=0)


def test_every_key_that_transformers_may_add_is_known_to_the_checkpoint(folder: Path) -> None:
    common = {name for name in PreTrainedConfig().to_dict() if not name.startswith("_")}
    assert common - {"model_type"} <= OF_TRANSFORMERS
    assert set(json.loads((folder / "config.json").read_text())) <= OF_TRANSFORMERS | {
        "model_type",
        "vocabulary_sha256",
        "tasks_sha256",
        *ModelConfig.model_fields,
    }


def test_a_configuration_carries_every_setting_of_the_network() -> None:
    for shape in PRESETS.values():
        config = DNAGPTConfig(**shape.model_dump())
        assert config.network() == shape
        assert DNAGPTConfig(**config.to_dict()).network() == shape
    with pytest.raises(ValueError, match="vocabulary_size"):
        DNAGPTConfig(layers=2)


def test_new_weights_are_drawn_as_the_network_draws_them() -> None:
    torch.manual_seed(5)
    drawn = AutoModelForCausalLM.from_config(DNAGPTConfig(**PRESETS["tiny"].model_dump())).network
    torch.manual_seed(5)
    plain = DNAGPT(PRESETS["tiny"])
    plain.initialise(torch.default_generator)
    assert float(drawn.blocks[0].attention.output.weight.detach().std()) == pytest.approx(0.02 / 8**0.5, rel=0.05)
    assert float(drawn.token_embedding.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert torch.equal(drawn.rotary.cosine_LC, plain.rotary.cosine_LC)  # type: ignore[union-attr]


def harm_weights(folder: Path, name: str, weight: torch.Tensor | None) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop(name, None)
    save_file(weights if weight is None else {**weights, name: weight}, folder / "model.safetensors", {"format": "pt"})


def rename_vocabulary(folder: Path) -> None:
    content = json.loads((folder / "vocabulary.json").read_text())
    (folder / "vocabulary.json").write_text(json.dumps({**content, "name": "another"}))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: harm_weights(folder, "number_head.0.weight", None), "number_head.0.weight is missing"),
        (lambda folder: harm_weights(folder, "score.weight", torch.zeros(2, 16)), "score.weight is not a part"),
        (
            lambda folder: (folder / "vocabulary.json").write_text(Vocabulary.preset("dna-3mers").to_json()),
            "the weights know 56 tokens, but vocabulary.json holds 121",
        ),
        (rename_vocabulary, "not the vocabulary that the weights were saved with"),
        (lambda folder: (folder / "vocabulary.json").write_text("[" * 100_000), "does not hold a vocabulary"),
    ],
    ids=["missing", "strange", "vocabulary", "another vocabulary", "no vocabulary"],
)
def test_a_folder_that_does_not_fit_is_refused(folder: Path, tmp_path: Path, harm: Any, message: str) -> None:
    shutil.copytree(folder, tmp_path / "model")
    harm(tmp_path / "model")
    with pytest.raises(InputError, match=re.escape(message)):
        AutoModelForCausalLM.from_pretrained(tmp_path / "model")


def test_a_row_longer_than_the_context_is_refused(folder: Path) -> None:
    opened = AutoModel.from_pretrained(folder)
    with pytest.raises(InputError, match="longer than the model's context, 64"):
        opened(torch.full((1, 65), 40))
    mask = torch.cat((torch.zeros(1, 5), torch.ones(1, 60)), dim=-1).long()
    assert opened(torch.full((1, 65), 40), attention_mask=mask).last_hidden_state.shape == (1, 65, 16)


def test_what_cannot_be_answered_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="not inputs_embeds"):
        AutoModel.from_pretrained(folder)(inputs_embeds=torch.zeros(1, 2, 16))
    vocabulary = load_model(folder).vocabulary
    tokens = 32 + vocabulary.size - vocabulary.first_kmer_id
    many = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=tokens + 1)
    with pytest.raises(ValueError, match=f"{tokens + 1} labels cannot be written: the model has {tokens} tokens"):
        many(torch.tensor([[21, 40]]))
    several = AutoModelForSequenceClassification.from_pretrained(folder, problem_type="multi_label_classification")
    with pytest.raises(InputError, match="one label a record"):
        several(torch.tensor([[21, 40]]))


def test_the_configuration_opens_on_its_own(folder: Path) -> None:
    config = AutoConfig.from_pretrained(folder)
    assert (config.model_type, config.hidden_size, config.prompt) == ("dnagpt", 16, "<R>{sequence}<=><B>")

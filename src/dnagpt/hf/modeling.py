"""The plain network behind the model classes of transformers; there is no second implementation.

Shapes: B rows, L new positions, D width, V vocabulary.
"""

import hashlib
import json
import logging
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional as F
from transformers import Cache, DynamicCache, GenerationMixin, PreTrainedModel, initialization
from transformers.masking_utils import create_causal_mask
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.utils import can_return_tuple
from transformers.utils.hub import cached_file

from dnagpt.errors import InputError
from dnagpt.hf.configuration import DNAGPTConfig
from dnagpt.hf.labels import next_token_loss
from dnagpt.hf.reading import Reading, as_cache, cache_of, flex_or_refusal, one_cache, refuse_beyond_context, row_places
from dnagpt.model.layers import RotaryPositions
from dnagpt.model.network import DNAGPT
from dnagpt.store.weights import Absent, refuse_damage

logger = logging.getLogger("dnagpt")
COMPANIONS = ("vocabulary.json", "tasks.toml", "provenance.json")
"""What a model folder holds beside the weights and their configuration."""
_PREFIX = "network."
_HUB_SETTINGS = ("cache_dir", "force_download", "local_files_only", "proxies", "revision", "subfolder", "token")


@dataclass
class DNAGPTCausalLMOutput(CausalLMOutputWithPast):
    """What the model says of the next position: a score of each token, and a number."""

    numbers: torch.Tensor | None = None
    """(B, L) the number expected at the next position, in the model's unit; None where the weights lack that head."""


class DNAGPTPreTrainedModel(PreTrainedModel):
    """What all model classes share: the network, and a folder that `dnagpt.load` reads too."""

    config_class = DNAGPTConfig
    config: DNAGPTConfig
    base_model_prefix = "network"
    main_input_name = "input_ids"
    accepts_loss_kwargs = False  # the loss is a mean over the batch; the Trainer is not to rescale it
    _no_split_modules: ClassVar = ["Block"]
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: DNAGPTConfig) -> None:
        super().__init__(config)
        if config.panel is not None:
            raise InputError(
                "This model writes haplotypes through tables of their sites, which transformers has no place for. "
                "Use `dnagpt generate`, or dnagpt.load in Python."
            )
        self.network = DNAGPT(config.network())
        for part in config.lacks or ():
            setattr(self.network, part, Absent(part))
        if self.device.type != "meta":
            self.network.initialise(torch.default_generator)
        self.companions: dict[str, str] = {}
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Weights are drawn by the network itself; loading leaves only the tables of angles to be computed again."""
        if isinstance(module, RotaryPositions):
            fresh = RotaryPositions(self.config.network().head_width, self.config.context)
            initialization.copy_(module.cosine_LC, fresh.cosine_LC)
            initialization.copy_(module.sine_LC, fresh.sine_LC)

    @classmethod
    def from_pretrained(cls, name: Any, *args: Any, output_loading_info: bool = False, **settings: Any) -> Any:
        """Open a model folder, or one on the Hub: every weight must be accounted for, as in `dnagpt.load`.

        As there, weights become float32 where no `dtype` is asked for, whatever type they are stored in.
        """
        if settings.get("dtype") is None and settings.get("torch_dtype") is None:
            settings["dtype"] = torch.float32
        hub = {key: settings[key] for key in _HUB_SETTINGS if settings.get(key) is not None}
        model, info = super().from_pretrained(name, *args, output_loading_info=True, **settings)
        problems = [f"{key} is missing" for key in sorted(info["missing_keys"])]
        problems += [f"{key} is not a part of the network" for key in sorted(info["unexpected_keys"])]
        problems += [f"{key} has another shape" for key, *_ in info["mismatched_keys"]]
        if problems:
            raise InputError(f"{name}: the weights do not fit config.json: {'; '.join(problems[:10])}.")
        if weights := _file(name, "model.safetensors", hub):
            refuse_damage(weights, model.config.network())
        model.companions = _companions(name, hub)
        model._check_vocabulary(name)
        return (model, info) if output_loading_info else model

    def _check_vocabulary(self, name: object) -> None:
        text = self.companions.get("vocabulary.json")
        if text is None:
            return
        try:
            content = json.loads(text)
            size = int(content["size"])
        except (ValueError, RecursionError, KeyError, TypeError):
            raise InputError(f"{name}: vocabulary.json does not hold a vocabulary.") from None
        if size != self.config.vocabulary_size:
            raise InputError(
                f"{name}: the weights know {self.config.vocabulary_size:,} tokens, but vocabulary.json holds {size:,}. "
                "These files do not belong together."
            )
        written = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        if self.config.vocabulary_sha256 not in (None, hashlib.sha256(written.encode()).hexdigest()):
            raise InputError(
                f"{name}: vocabulary.json is not the vocabulary that the weights were saved with, though it is as "
                "large. These files do not belong together."
            )

    def save_pretrained(
        self, folder: Any, *args: Any, state_dict: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        """Write a folder that both doors open: weights under the network's own names, vocabulary, tasks, provenance."""
        adapted = getattr(self, "_hf_peft_config_loaded", False)
        weights = self.state_dict() if state_dict is None else state_dict
        names = weights if adapted else {name.removeprefix(_PREFIX): weight for name, weight in weights.items()}
        Path(folder).mkdir(parents=True, exist_ok=True)
        for file, text in self.companions.items():
            (Path(folder) / file).write_text(text, encoding="utf-8")
        if missing := [file for file in COMPANIONS if file not in self.companions]:
            logger.warning("%s is saved without %s, which dnagpt.load needs.", folder, ", ".join(missing))
        super().save_pretrained(folder, *args, state_dict=names, **settings)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Take weights under the network's own names too, as a saved file has them."""
        named = {name if name.startswith(_PREFIX) else _PREFIX + name: weight for name, weight in state_dict.items()}
        return super().load_state_dict(named, strict, assign)

    def get_input_embeddings(self) -> nn.Module:
        """The embedding of tokens."""
        return self.network.token_embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put another embedding of tokens in place."""
        self.network.token_embedding = value  # type: ignore[assignment]

    def _read(
        self, input_ids: torch.Tensor | None, attention_mask: torch.Tensor | None, position_ids: torch.Tensor | None,
        cache: Cache | None, numbers: torch.Tensor | None, is_number: torch.Tensor | None,
        inputs_embeds: torch.Tensor | None, *, last_ids: torch.Tensor | None = None, use_cache: bool | None,
        output_hidden_states: bool | None, output_attentions: bool | None,
    ) -> BaseModelOutputWithPast:  # fmt: skip
        if input_ids is None or inputs_embeds is not None:
            raise InputError("The model reads input_ids (and numbers beside them), not inputs_embeds.")
        if output_attentions and self.config._attn_implementation != "eager":
            raise InputError(
                f"Attention weights are not kept by {self.config._attn_implementation!r}. Load the model with "
                "attn_implementation='eager' to see them."
            )
        if use_cache and cache is None:
            cache = DynamicCache(config=self.config)
        seen = cache.get_seq_length() if cache is not None else 0
        places_BL = row_places(input_ids, attention_mask, position_ids, int(seen))
        refuse_beyond_context(int(seen) + input_ids.shape[1], places_BL, self.config.context)
        if self.config.overlapping and seen and last_ids is None:
            raise InputError("K-mers overlap in this model: a row that goes on needs the token before it, as last_ids.")
        states: list[torch.Tensor] = []
        watched = self.network.blocks if output_hidden_states else ()
        hooks = [block.register_forward_pre_hook(lambda _, given: states.append(given[0])) for block in watched]
        try:
            with flex_or_refusal(self.config):
                mask = create_causal_mask(
                    config=self.config, inputs_embeds=input_ids.new_empty((*input_ids.shape, 0), dtype=self.dtype),
                    attention_mask=attention_mask, **as_cache(cache),
                )  # fmt: skip
                reading = Reading(self.network, self.config, places_BL, mask, cache, last_ids)
                hidden_BLD = self.network(input_ids, numbers, is_number, reading)
        finally:
            for hook in hooks:
                hook.remove()
        return BaseModelOutputWithPast(
            last_hidden_state=hidden_BLD,
            **as_cache(cache),
            hidden_states=(*states, hidden_BLD) if output_hidden_states else None,
            attentions=tuple(reading.weights) if output_attentions else None,
        )


class DNAGPTModel(DNAGPTPreTrainedModel):
    """The hidden vector of each position."""

    @can_return_tuple
    def forward(
        self, input_ids: torch.Tensor | None = None, attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None, past_key_values: Cache | None = None,
        numbers: torch.Tensor | None = None, is_number: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None, use_cache: bool | None = None,
        output_hidden_states: bool | None = None, output_attentions: bool | None = None,
        last_ids: torch.Tensor | None = None, cache: Cache | None = None,
    ) -> BaseModelOutputWithPast:  # fmt: skip
        """Read rows of tokens and numbers: `numbers` counts where `is_number` is true, both (B, L).

        A model of overlapping k-mers needs, where a cache is continued, the tokens in front as `last_ids`, (B, 1).
        """
        return self._read(
            input_ids, attention_mask, position_ids, one_cache(cache, past_key_values), numbers, is_number,
            inputs_embeds, last_ids=last_ids, use_cache=use_cache,
            output_hidden_states=asked(self, "output_hidden_states", output_hidden_states),
            output_attentions=asked(self, "output_attentions", output_attentions),
        )  # fmt: skip


class DNAGPTForCausalLM(DNAGPTPreTrainedModel, GenerationMixin):
    """The next token of each position, and the next number; `generate` writes tokens."""

    def get_output_embeddings(self) -> nn.Module:
        """The last layer of the token head."""
        head = self.network.token_head
        return head[-1] if isinstance(head, nn.Sequential) else head

    def generate(self, inputs: torch.Tensor | None = None, *args: Any, **settings: Any) -> Any:
        """Continue prompts, as `generate` of transformers does; a number in the prompt is never taken for filling."""
        ids, is_number = inputs if inputs is not None else settings.get("input_ids"), settings.get("is_number")
        if ids is not None and is_number is not None and settings.get("attention_mask") is None:
            settings["attention_mask"] = ((ids != self.config.pad_token_id) | is_number).long()
        return super().generate(inputs, *args, **settings)

    def prepare_inputs_for_generation(
        self, input_ids: torch.Tensor, numbers: torch.Tensor | None = None, is_number: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Lay the prompt's numbers beside the tokens of this step; what was generated are tokens."""
        prepared: dict[str, Any] = super().prepare_inputs_for_generation(input_ids, **kwargs)
        step = prepared["input_ids"].shape[1]
        if step < input_ids.shape[1]:
            prepared["last_ids"] = input_ids[:, -step - 1 : -step]
        if numbers is not None and is_number is not None:
            prepared |= {"numbers": _step(numbers, input_ids, step), "is_number": _step(is_number, input_ids, step)}
        return prepared

    @can_return_tuple
    def forward(
        self, input_ids: torch.Tensor | None = None, attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None, past_key_values: Cache | None = None,
        numbers: torch.Tensor | None = None, is_number: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None, labels: torch.Tensor | None = None,
        use_cache: bool | None = None, output_hidden_states: bool | None = None,
        output_attentions: bool | None = None, logits_to_keep: int | torch.Tensor = 0,
        last_ids: torch.Tensor | None = None, cache: Cache | None = None,
    ) -> DNAGPTCausalLMOutput:  # fmt: skip
        """Score the next token and number; with `labels` (ids, -100 for not asked) give their mean cross-entropy.

        A position where `is_number` holds a number, no token, so its label does not count.
        """
        read = self._read(
            input_ids, attention_mask, position_ids, one_cache(cache, past_key_values), numbers, is_number,
            inputs_embeds, last_ids=last_ids, use_cache=use_cache,
            output_hidden_states=asked(self, "output_hidden_states", output_hidden_states),
            output_attentions=asked(self, "output_attentions", output_attentions),
        )  # fmt: skip
        hidden_BLD: Any = read.last_hidden_state
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        kept_BLD = hidden_BLD[:, kept if labels is None else slice(None)]
        logits_BLV = self.network.token_logits(kept_BLD)
        loss = None
        if labels is not None:
            asked_BL = labels if is_number is None else labels.masked_fill(is_number, -100)
            loss = next_token_loss(logits_BLV, asked_BL)
        return DNAGPTCausalLMOutput(
            loss=loss,
            logits=logits_BLV,
            numbers=None if "number_head" in (self.config.lacks or ()) else self.network.number(kept_BLD),
            **as_cache(cache_of(read)),
            hidden_states=read.hidden_states,
            attentions=read.attentions,
        )


def asked(model: DNAGPTPreTrainedModel, name: str, given: bool | None) -> bool:
    """Say whether an output is wanted: as the call says, or else the configuration."""
    return bool(getattr(model.config, name) if given is None else given)


def _step(prompt_BL: torch.Tensor, ids_BL: torch.Tensor, step: int) -> torch.Tensor:
    return F.pad(prompt_BL, (0, ids_BL.shape[1] - prompt_BL.shape[1]))[:, -step:]


def _file(name: object, file: str, hub: dict[str, Any]) -> Path | None:
    """Find a file of a folder, or of one on the Hub; None where it has none."""
    try:
        return Path(cached_file(name, file, **hub))
    except OSError:
        return None


def _companions(name: object, hub: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = list(COMPANIONS)
    while waiting:
        file = waiting.pop(0)
        path = _file(name, file, hub)
        if path is None:
            continue
        found[file] = path.read_text(encoding="utf-8")
        if file == "tasks.toml":
            waiting += _legends(found[file])
    return found


def _legends(tasks: str) -> list[str]:
    """Name the files of sites beside a `tasks.toml`; one that cannot be read is for `dnagpt.load` to refuse."""
    try:
        document = tomllib.loads(tasks)
    except (ValueError, RecursionError):
        return []
    named = [name for name, entry in document.items() if isinstance(entry, dict) and "haplotypes" in entry]
    return [f"{name}.legend" for name in named if re.fullmatch("[A-Za-z0-9_-]+", name)]

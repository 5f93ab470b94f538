"""Answers to prompts in the terms of transformers: a label or a number a row.

Shapes: B rows, L positions, D width, V vocabulary.
"""

from typing import Any

import torch
from transformers import Cache
from transformers.modeling_outputs import SequenceClassifierOutputWithPast
from transformers.utils import can_return_tuple

from dnagpt.errors import InputError
from dnagpt.hf.labels import label_loss, number_loss
from dnagpt.hf.modeling import DNAGPTPreTrainedModel, asked
from dnagpt.hf.prompts import last_places, real_positions, refuse_cut_prompts
from dnagpt.hf.reading import as_cache, cache_of, one_cache


class DNAGPTForSequenceClassification(DNAGPTPreTrainedModel):
    """The answer to a prompt, read at its last position, by the heads the network has: there are no new weights.

    A label is answered with a token (`config.label_ids()`), as `dnagpt finetune` teaches it: two labels with the tokens
    for no and yes, more with those of a choice. One label, or `problem_type="regression"`, is answered by the number
    head. So a task of `dnagpt` classifies as it is, and what is trained here answers in `dnagpt.load`.
    """

    @can_return_tuple
    def forward(
        self, input_ids: torch.Tensor | None = None, attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None, past_key_values: Cache | None = None,
        numbers: torch.Tensor | None = None, is_number: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None, labels: torch.Tensor | None = None,
        use_cache: bool | None = None, output_hidden_states: bool | None = None,
        output_attentions: bool | None = None, cache: Cache | None = None,
    ) -> SequenceClassifierOutputWithPast:  # fmt: skip
        """Give the scores of the labels, (B, labels), or a number, (B, 1), in the model's unit.

        With `labels` (B,) give the loss of `dnagpt finetune`: cross-entropy over the vocabulary, from which labels of
        -100 are left out, or squared error. InputError where a row does not begin and end as the task's prompt does.
        """
        if input_ids is None:
            raise InputError("The model reads input_ids (and numbers beside them), not inputs_embeds.")
        if self.config.problem_type == "multi_label_classification":
            raise InputError("An answer is one token, so one label a record. Ask several questions instead.")
        cache = one_cache(cache, past_key_values)
        real_BL = real_positions(input_ids, attention_mask, is_number, self.config.pad_token_id)
        if cache is None:  # a row that goes on has begun elsewhere
            refuse_cut_prompts(self.config, input_ids, real_BL)
        read = self._read(
            input_ids, attention_mask, position_ids, cache, numbers, is_number, inputs_embeds,
            use_cache=use_cache, output_hidden_states=asked(self, "output_hidden_states", output_hidden_states),
            output_attentions=asked(self, "output_attentions", output_attentions),
        )  # fmt: skip
        hidden_BLD: Any = read.last_hidden_state
        rows_B = torch.arange(len(hidden_BLD), device=hidden_BLD.device)
        hidden_BD = hidden_BLD[rows_B, last_places(real_BL)]
        logits, loss = self._answers(hidden_BD, labels)
        return SequenceClassifierOutputWithPast(
            loss=loss,
            logits=logits,
            **as_cache(cache_of(read)),
            hidden_states=read.hidden_states,
            attentions=read.attentions,
        )

    def _answers(
        self, hidden_BD: torch.Tensor, labels: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        if self.config.num_labels == 1 or self.config.problem_type == "regression":
            numbers_B = self.network.number(hidden_BD).float()
            loss = None if labels is None else number_loss(numbers_B, labels)
            return numbers_B[:, None], loss
        ids = self.config.label_ids()
        logits_BV = self.network.token_logits(hidden_BD).float()
        return logits_BV[:, ids], None if labels is None else label_loss(logits_BV, ids, labels)

"""The model classes of transformers over the same model folder; importing this registers them with its Auto classes.

import dnagpt.hf
from transformers import AutoModelForCausalLM, AutoTokenizer

model, tokenizer = (auto.from_pretrained(folder) for auto in (AutoModelForCausalLM, AutoTokenizer))
"""

from dnagpt.files.optional import needs_extra

with needs_extra("hf", "dnagpt.hf"):
    from transformers import (
        AutoConfig,
        AutoModel,
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
        AutoTokenizer,
    )

from dnagpt.hf.classification import DNAGPTForSequenceClassification
from dnagpt.hf.configuration import DNAGPTConfig
from dnagpt.hf.export import export_hf
from dnagpt.hf.modeling import DNAGPTForCausalLM, DNAGPTModel
from dnagpt.hf.tokenization import DNAGPTTokenizer, tokenizer_backend

__all__ = [
    "DNAGPTConfig",
    "DNAGPTForCausalLM",
    "DNAGPTForSequenceClassification",
    "DNAGPTModel",
    "DNAGPTTokenizer",
    "export_hf",
    "tokenizer_backend",
]

AutoConfig.register("dnagpt", DNAGPTConfig)
AutoModel.register(DNAGPTConfig, DNAGPTModel)
AutoModelForCausalLM.register(DNAGPTConfig, DNAGPTForCausalLM)
AutoModelForSequenceClassification.register(DNAGPTConfig, DNAGPTForSequenceClassification)
AutoTokenizer.register(DNAGPTConfig, tokenizer_class=DNAGPTTokenizer)

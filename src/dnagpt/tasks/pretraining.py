"""The pre-training task: three objectives on each window, in one template."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from dnagpt.genome.bases import gc_content
from dnagpt.language.template import Template
from dnagpt.tasks.task import Task
from dnagpt.tasks.transforms import Transform

PRETRAINING_TEMPLATE = "<{species}>{window?:sequence}<=><M>{gc?:number}<=><B>{reversed?:boolean}"
"""The next k-mer, the GC content, and whether the window was reversed (arXiv 2307.05628, section 2.2)."""

GC_TRANSFORM = Transform(mean=0.45, deviation=0.1)
"""GC content is brought to about one unit of spread, so that its squared error weighs as other numbers' do."""

Codes = npt.NDArray[np.uint8]

WINDOW_FIELDS: dict[str, Callable[[Codes], float]] = {"gc": gc_content}
"""Number fields that are computed from the window itself; a new objective is one function here and one field."""


def pretraining_task(template: str = PRETRAINING_TEMPLATE) -> Task:
    """Give the pre-training task, with all objectives or those a shorter template names.

    >>> pretraining_task("<{species}>{window?:sequence}").template.columns
    ('species', 'window')
    """
    parsed = Template.parse(template)
    has_gc = any(field.name == "gc" for field in parsed.fields)
    return Task("pretraining", parsed, {"gc": GC_TRANSFORM} if has_gc else {})


def window_record(task: Task, species: str, window: Codes, *, is_reversed: bool) -> Mapping[str, object]:
    """Fill the task's fields from one window of a genome, as it is read (reversed or not)."""
    computed = {name: WINDOW_FIELDS[name](window) for name in task.template.columns if name in WINDOW_FIELDS}
    return {"species": species, "window": window, "reversed": is_reversed, **computed}

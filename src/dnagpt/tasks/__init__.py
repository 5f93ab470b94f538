"""Templates bound to fields: from a record to the rows that a model reads, and back."""

from dnagpt.tasks.augmentation import Views
from dnagpt.tasks.haplotype_language import HaplotypeLanguage, LegalTokens
from dnagpt.tasks.pretraining import PRETRAINING_TEMPLATE, pretraining_task, window_record
from dnagpt.tasks.task import Task, task_files, tasks_from_toml, tasks_to_toml
from dnagpt.tasks.transforms import Transform

__all__ = [
    "PRETRAINING_TEMPLATE",
    "HaplotypeLanguage",
    "LegalTokens",
    "Task",
    "Transform",
    "Views",
    "pretraining_task",
    "task_files",
    "tasks_from_toml",
    "tasks_to_toml",
    "window_record",
]

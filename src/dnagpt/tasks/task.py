"""A task: a template with a name, and how its numbers are scaled."""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tomli_w

from dnagpt.errors import InputError
from dnagpt.haplotypes.legend import legend_text
from dnagpt.language.grammar import Field
from dnagpt.language.template import Rows, Template, encode_template, read_boolean
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks.augmentation import Views
from dnagpt.tasks.haplotype_language import HaplotypeLanguage
from dnagpt.tasks.transforms import Transform

TASK_FILE = "tasks.toml"
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
"""What a task may be called, as files are named after it."""


@dataclass(frozen=True)
class Task:
    """What a model is asked and answers, as one template.

    >>> task = Task("pas", Template.parse("<R>{sequence}<=><B>{label?:boolean}"))
    >>> task.template.columns
    ('sequence', 'label')
    """

    name: str
    """What people call the task."""
    template: Template
    """The prompt and its answers."""
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    """The scaling of number fields, by field name; the others stay as they are."""
    views: Views = field(default_factory=Views)
    """In which ways a record is read: strands, frames, parts of what is too long."""
    haplotypes: HaplotypeLanguage | None = None
    """How haplotypes are written, where the task is to write them."""

    def __post_init__(self) -> None:
        counts = {item.name: item.count for item in self.template.fields if item.kind == "number"}
        strangers = set(self.transforms) - set(counts)
        if strangers:
            raise InputError(
                f"Task {self.name!r}: a transform is given for {', '.join(sorted(strangers))}, but the number fields "
                f"of its template are {', '.join(sorted(counts)) or 'none'}."
            )
        for name, transform in self.transforms.items():
            sizes = {np.size(values) for values in (transform.mean, transform.deviation)} - {1, counts[name]}
            if sizes:
                raise InputError(
                    f"Task {self.name!r}: the transform of {name} is for {sizes.pop()} numbers, but the field holds "
                    f"{counts[name]}."
                )
        if self.haplotypes is not None:
            self.haplotypes.refuse_template(self.template)
            legend_name(self.name)

    def rows(
        self,
        vocabulary: Vocabulary,
        record: Mapping[str, object],
        *,
        where: str = "record",
        prompt_only: bool = False,
    ) -> Rows:
        """Write one record as the aligned rows that the model reads, its numbers scaled."""
        return encode_template(
            vocabulary, self.template, self._scaled(record, where), where=where, prompt_only=prompt_only
        )

    def in_users_unit(self, field_name: str, values: Any) -> Any:
        """Bring the model's numbers for a field back to the unit of the table."""
        transform = self.transforms.get(field_name)
        return values if transform is None else transform.invert(values)

    def _scaled(self, record: Mapping[str, object], where: str) -> Mapping[str, object]:
        fields = [item for item in self.template.fields if item.name in self.transforms]
        try:
            scaled = {
                item.name: self.transforms[item.name].apply(numbers, name=item.name).tolist()
                for item in fields
                if (numbers := field_numbers(item, record, where)) is not None
            }
        except InputError as error:
            raise InputError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None
        return {**record, **scaled} if scaled else record


def field_numbers(item: Field, record: Mapping[str, object], where: str) -> float | list[float] | None:
    """Read the numbers of a field from a record: its own value, or its columns; None where it has neither."""
    if item.name in record:
        value = record[item.name]
        return _number(value, item, where) if item.count == 1 else _several(value, item, where)
    if item.count > 1 and item.columns[0] in record:
        return [_number(record.get(column, ""), item, f"{where}, column {column}") for column in item.columns]
    return None


def _several(value: object, item: Field, where: str) -> list[float]:
    values: Sequence[object] = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    if len(values) != item.count:
        raise InputError(f"{where}: the field {item.name} needs {item.count} numbers but has {len(values)}.")
    return [_number(one, item, where) for one in values]


def _number(value: object, item: Field, where: str) -> float:
    """Read one number; Python alone would also read True, 1_000 and nan."""
    try:
        number = math.nan if isinstance(value, bool | np.bool_) or "_" in str(value) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: {value!r} in {item.name!r} is not a number. Correct it, or leave the row out.")
    return number


def tasks_to_toml(tasks: Iterable[Task]) -> str:
    """Write tasks as the text of a `tasks.toml`.

    >>> print(tasks_to_toml([Task("gc", Template.parse("<R>{sequence}<=><M>{gc?:number}"))]), end="")
    [gc]
    template = "<R>{sequence}<=><M>{gc?:number}"
    """
    document: dict[str, Any] = {}
    for task in tasks:
        entry: dict[str, Any] = {"template": str(task.template)}
        transforms = {name: transform.as_dict() for name, transform in task.transforms.items()}
        if transforms:
            entry["transforms"] = transforms
        if views := task.views.as_dict():
            entry["views"] = views
        if task.haplotypes is not None:
            entry["haplotypes"] = task.haplotypes.as_dict()
        document[task.name] = entry
    return tomli_w.dumps(document)


def task_files(tasks: Iterable[Task]) -> dict[str, str]:
    """Write tasks as the files of a model folder, name to text: `tasks.toml`, and a legend for each set of sites."""
    tasks = list(tasks)
    legends = {legend_name(task.name): task.haplotypes for task in tasks}
    sites = {name: legend_text(language.sites, name) for name, language in legends.items() if language is not None}
    return {TASK_FILE: tasks_to_toml(tasks), **sites}


def legend_name(task: str) -> str:
    """Name the file of a task's sites."""
    if not FILE_NAME.fullmatch(task):
        raise InputError(
            f"The task {task[:100]!r} names the file of its sites. Call it by letters, digits, - and _ only."
        )
    return f"{task}.legend"


def _no_file(name: str) -> str:
    raise InputError(f"{name} is not here: sites of haplotypes are read from a model folder.")


def tasks_from_toml(text: str, where: str = TASK_FILE, beside: Callable[[str], str] = _no_file) -> dict[str, Task]:
    """Read the text of a `tasks.toml`, strictly; `beside` reads a file that it names, such as `NAME.legend`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where} is not TOML: {error}.") from None
    return {name: _task(name, entry, where, beside) for name, entry in document.items()}


def _task(name: str, entry: Any, where: str, beside: Callable[[str], str]) -> Task:
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("template"), str)
        or set(entry) - {"template", "transforms", "views", "haplotypes"}
        or not isinstance(entry.get("views", {}), dict)
        or not isinstance(entry.get("haplotypes", {}), dict)
    ):
        raise InputError(
            f"{where}: the task [{name}] needs a `template`, may have `transforms`, `views` and `haplotypes`, and "
            "nothing else."
        )
    transforms = entry.get("transforms", {})
    if not isinstance(transforms, dict) or not all(isinstance(value, dict) for value in transforms.values()):
        raise InputError(f"{where}: the transforms of [{name}] are to be tables, one a field.")
    try:
        parsed = {key: Transform.from_dict(value) for key, value in transforms.items()}
        views, haplotypes = Views.from_dict(entry.get("views", {})), _haplotypes(name, entry, beside)
        return Task(name, Template.parse(entry["template"]), parsed, views, haplotypes)
    except InputError as error:
        raise InputError(f"{where}, [{name}]: {error}") from error


def _haplotypes(name: str, entry: Mapping[str, Any], beside: Callable[[str], str]) -> HaplotypeLanguage | None:
    if "haplotypes" not in entry:
        return None
    legend = legend_name(name)
    return HaplotypeLanguage.from_dict(entry["haplotypes"], beside(legend), legend)


def true_classes(records: Sequence[Mapping[str, object]], item: Field) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Give the true class of each record as a number: its place among the options of the field."""
    if item.kind == "choice":
        return np.array([item.choices.index(str(record[item.name])) for record in records], dtype=np.int64)
    return np.array([read_boolean(record[item.name]) for record in records], dtype=np.int64)

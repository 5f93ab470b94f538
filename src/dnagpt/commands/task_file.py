"""What a task file says beside what the command line says."""

from pathlib import Path

from dnagpt.commands.configuration import read_toml
from dnagpt.errors import InputError

_SOURCES = ("table", "train", "folder", "haplotypes", "classes")
"""The settings of `[data]` that each say where records come from."""


def refuse_given_twice(task_file: Path, table: Path | None, template: str | None) -> None:
    """Refuse --table and --template where the task file has its own; what it does not say, they complete."""
    own = read_toml(task_file)
    option = "--table" if table is not None else "--template" if template is not None else None
    if option is not None and "tasks" in own:
        raise InputError(
            f"{option} is for a single task, but {task_file} names its tasks, each with its own. "
            f"Leave {option} out, or change a task with --set tasks.NAME.{'data.table' if table else 'template'}=..."
        )
    if template is not None and "template" in own:
        raise InputError(
            f"--template is given, but {task_file} has its own template, which would win. "
            "Leave --template out, or change the file's with --set template=..."
        )
    data = own.get("data", {})
    found = [name for name in _SOURCES if isinstance(data, dict) and name in data]
    if table is not None and found:
        change = "change the file's with --set data.table=..."
        if found != ["table"]:
            change = f"take data.{found[0]} out of the file."
        raise InputError(
            f"--table is given, but {task_file} says itself where its records come from (data.{found[0]}). "
            f"Leave --table out, or {change}"
        )

"""The command line: parse, dispatch, exit codes (0 done, 2 the input is wrong, 1 anything else)."""

import io
import logging
import os
import sys
from collections.abc import Sequence

import typer

from dnagpt.commands import (
    demo,
    evaluate,
    evaluate_haplotypes,
    export,
    finetune,
    generate,
    import_weights,
    predict,
    pretrain,
    runs,
)
from dnagpt.errors import DnagptError, InputError, visible
from dnagpt.runs.output_folder import is_first_process

app = typer.Typer(
    name="dnagpt",
    help="DNA language models: pre-train, fine-tune, predict and generate.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (demo, pretrain, finetune, predict, generate, evaluate, evaluate_haplotypes, runs, import_weights, export):
    app.add_typer(verb.app)


class _Visible(logging.Formatter):
    """Writes what is logged so that names from files cannot steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; wrong input ends in a sentence and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    _prepare_streams(debug=debug)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: busy cores stall waiting threads otherwise
    try:
        sys.exit(app(given, standalone_mode=True))
    except Exception as error:
        if debug:
            raise
        known = _known(error)
        print(f"dnagpt: {known}", file=sys.stderr)
        sys.exit(known.exit_code)


def _prepare_streams(*, debug: bool) -> None:
    """Let messages show every name of a file, also one that is not UTF-8, and none steer the terminal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Visible("%(message)s"))
    level = logging.INFO if debug else logging.WARNING if is_first_process() else logging.ERROR
    logging.basicConfig(level=level, handlers=[handler])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # a path comes out as the bytes that it has


def _known(error: Exception) -> DnagptError:
    """Say what an error is in words: ours, too little memory, a name that is not UTF-8, or a fault of the program."""
    if isinstance(error, DnagptError):
        return error
    # torch tells a lack of memory by errors of its own, on a processor by the words alone
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    ):
        return DnagptError(
            "There is not enough memory for this. Give a smaller file or part of it, set smaller batches or a smaller "
            "network, or use a machine with more memory."
        )
    if isinstance(error, UnicodeEncodeError) and "surrogates not allowed" in error.reason:
        excerpt = error.object[max(0, error.start - 40) : error.end + 40]
        return InputError(
            f"A name is not UTF-8, and this result cannot hold it: ...{excerpt!r}... Rename the file or folder."
        )
    return DnagptError(
        f"this is a fault of dnagpt, not of your input: {type(error).__name__}: {error}. "
        "Run it again with --debug and report what it shows."
    )

"""`zeroconv COMMAND ...`: finds the command, runs it, and turns what went wrong into one sentence and an exit code.

Only the command that was asked for is imported, so that help is instant and a missing extra hinders nobody else.
Exit codes: 0 done, 2 a mistake in what was asked, 130 stopped from the keyboard.
"""

import importlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import TextIO

import zeroconv
from zeroconv.allocator import keep_freed_memory
from zeroconv.cli.parser import Parser, nearest_flag
from zeroconv.errors import UserError, is_out_of_memory, nearest

COMMANDS: dict[str, tuple[str, str]] = {
    "generate": ("zeroconv.cli.generate", "make pictures from a prompt and condition images"),
    "annotate": ("zeroconv.cli.annotate", "make the condition image of a picture"),
    "train": ("zeroconv.training.command", "train a ControlNet on a locked base"),
    "train report": ("zeroconv.training.report.command", "a training run as one page and one picture"),
    "evaluate": ("zeroconv.evaluation.command", "measure how well a base, a ControlNet or any pictures do"),
    "reproduce": ("zeroconv.reproduce.command", "measure what the paper claims, claim by claim"),
    "serve": ("zeroconv.serve.command", "a page and an HTTP API that make controlled pictures"),
    "study": ("zeroconv.evaluation.study.command", "ask people: a blind ranking page, its server, its analysis"),
    "dataset": ("zeroconv.dataset.command", "photographs to a paired data set with condition images"),
    "scenes": ("zeroconv.scenes.command", "render scenes with captions and exact ground truth"),
    "inspect": ("zeroconv.cli.inspect", "say what a checkpoint is"),
    "convert": ("zeroconv.cli.convert", "bring a checkpoint into another layout, and prove that it is the same"),
}
"""Command -> the module with its add_arguments(parser) and run(args) -> exit code, and what it does."""

_EXAMPLES = """\
examples:
  zeroconv generate --control canny=photo.jpg --prompt "a red house under a blue sky" --out out
  zeroconv annotate canny photo.jpg --out edges.png
  zeroconv generate --request out/run.json --out again

`zeroconv COMMAND --help` explains each command with examples."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; never raises for a mistake of the user.

    argv: None: the process is the command's own, and what it frees is kept for the next step.
    """
    if argv is None and "--low-memory" not in sys.argv:
        keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be what a terminal can show
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=UserWarning, module="zeroconv")
        warnings.showwarning = _show_warning
        try:
            return _run(list(sys.argv[1:] if argv is None else argv))
        except SystemExit as request:  # argparse after --help and --version
            return request.code if isinstance(request.code, int) else 0
        except UserError as error:
            return _fail(str(error))
        except KeyboardInterrupt:
            print("\nzeroconv: stopped", file=sys.stderr)
            return 130
        except BrokenPipeError:  # the reader of our output, such as `head`, has gone
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the interpreter flushes it at exit
            return 1
        except OSError as error:
            return _fail(_file_trouble(error))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return _fail("out of memory: try a smaller --size, fewer pictures at once (--batch-size) or another dtype")


def _run(argv: list[str]) -> int:
    argv = _joined(argv)
    chosen = next((word for word in argv if not word.startswith("-")), None)
    if chosen is not None and chosen not in COMMANDS:
        raise UserError(f"unknown command {chosen!r}; {nearest(chosen, COMMANDS)}")
    parser = Parser(prog="zeroconv", description=zeroconv.__doc__.splitlines()[0], epilog=_EXAMPLES)
    parser.add_argument("--version", action="version", version=f"zeroconv {zeroconv.__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose.capitalize() + ".", allow_abbrev=False)
        if name == chosen:
            implementation = _load(name, module)
            implementation.add_arguments(command)
            command.set_defaults(run=implementation.run, parser=command)
    args, unknown = parser.parse_known_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    if unknown:
        raise UserError(f"unknown argument {unknown[0]!r}; {nearest_flag(unknown[0], args.parser)}")
    return int(args.run(args))


def _joined(argv: list[str]) -> list[str]:
    """The arguments with the words of a command of two, such as train report, as one."""
    both = " ".join(argv[:2])
    return [both, *argv[2:]] if both in COMMANDS else argv


def _load(command: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.split(".")[0] == "zeroconv":
            raise UserError(f"{command} is not part of this installation ({missing} is missing)") from error
        raise UserError(f"{command} needs the package {missing}: pip install {missing}") from error


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"zeroconv: warning: {message}", file=sys.stderr)


def _fail(sentence: str) -> int:
    print(f"zeroconv: error: {sentence}", file=sys.stderr)
    return 2


def _file_trouble(error: OSError) -> str:
    """What the operating system refused, and for which file."""
    if error.strerror is None:
        return (str(error) or type(error).__name__).splitlines()[0]
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror

"""`zeroconv study make|serve|analyse`: a study with people, from folders of pictures to a table with intervals."""

import argparse
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_origin

from zeroconv import fields
from zeroconv.errors import UserError
from zeroconv.evaluation.study.key import ANSWERS, KEY, PAGE, read_key, write_key
from zeroconv.evaluation.study.make import RANKING_ONLY, TWO_WAY_ONLY, Settings, make_study
from zeroconv.evaluation.study.page import page, served
from zeroconv.evaluation.study.pictures import pictures_of, sizes_of
from zeroconv.images import atomic_write

MEGABYTE = 1_000_000
LARGE = 60  # megabytes of a page from which a phone has trouble

_EXAMPLES = """\
examples:
  zeroconv study make --method ours=out/ours --method other=out/other --condition out/sketches --out study
  zeroconv study serve study                  raters open the printed address; answers go to study/answers.jsonl
  zeroconv study analyse study                average human ranking, agreement, intervals
  zeroconv study make --test two-way --method ours=A --method other=B --out turing

The same file name in all folders means the same stimulus. DIR/study.html also works from disk, without a server: each
rater downloads a file of answers, and `zeroconv study analyse study answers-*.jsonl` reads them."""


def add_arguments(parser: ArgumentParser) -> None:
    """Give `parser` the three steps and their options."""
    parser.epilog = _EXAMPLES
    steps = parser.add_subparsers(dest="step", metavar="make|serve|analyse", required=True)
    _add_make(steps.add_parser("make", help="a blind page and its key, from one folder of pictures a method"))
    text = "the page from a small server that writes the answers down"
    serve = steps.add_parser("serve", help=text, description=text.capitalize() + "; Ctrl-C ends it.")
    serve.set_defaults(step=_serve)
    serve.add_argument("folder", metavar="STUDY", type=Path, help="the folder that make wrote")
    text = "address to listen at; 0.0.0.0 lets other machines in, without any password (default: localhost)"
    serve.add_argument("--host", default="localhost", help=text)
    serve.add_argument("--port", type=int, default=8000, help="0 takes one that is free (default: 8000)")
    serve.add_argument("--answers", metavar="FILE", type=Path, help=f"default: STUDY/{ANSWERS}")
    text = "average human ranking, agreement of raters and precision of the two-way test, with intervals"
    analyse = steps.add_parser("analyse", help=text, description=text.capitalize() + ".")
    analyse.set_defaults(step=_analyse)
    analyse.add_argument("folder", metavar="STUDY", type=Path, help="the folder that make wrote")
    text = f"files of answers that raters have downloaded, in addition to STUDY/{ANSWERS}"
    analyse.add_argument("answers", metavar="ANSWERS", type=Path, nargs="*", help=text)
    analyse.add_argument("--out", type=Path, help="folder of the result (default: STUDY/analysis)")


def run(arguments: Namespace) -> int:
    """Run the step that was asked for; 0 when it is done."""
    result: int = arguments.step(arguments)
    return result


def _add_make(make: ArgumentParser) -> None:
    make.description = "A blind page and its key, from one folder of pictures a method."
    make.epilog = _EXAMPLES
    make.formatter_class = argparse.RawDescriptionHelpFormatter
    make.set_defaults(step=_make)
    text = "a method and the folder of its pictures; once for each method"
    make.add_argument("--method", metavar="NAME=DIR", action="append", default=[], help=text)
    text = (
        "ranking: condition images of the same names, shown for the question of fidelity, which is left out without; "
    )
    text += "prompts beside them (metadata.jsonl, or NAME.txt) are shown too"
    make.add_argument("--condition", metavar="DIR", type=Path, help=text)
    for option in fields.options(Settings):
        shown = (
            option.help
            if option.default is None or option.default is False
            else f"{option.help} (default: {option.default})"
        )
        if option.annotation is bool:
            make.add_argument(f"--{option.name}", action="store_const", const=True, help=shown)
        else:
            make.add_argument(f"--{option.name}", metavar=_metavar(option), help=shown)
    make.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the study")


def _metavar(option: fields.Option) -> str:
    if get_origin(option.annotation) is not None and all(isinstance(x, str) for x in get_args(option.annotation)):
        return "|".join(get_args(option.annotation))
    return "TEXT" if str in get_args(option.annotation) else "N"


def _make(arguments: Namespace) -> int:
    names = [option.name for option in fields.options(Settings)]
    given = {name: value for name, value in vars(arguments).items() if name in names and value is not None}
    settings: Settings = fields.build(Settings, given, of="study make")
    _refuse_idle(settings, {**given, **({"condition": 1} if arguments.condition else {})})
    folders = _folders(arguments.method)
    out: Path = arguments.out
    if (out / KEY).exists():
        raise UserError(
            f"{out} holds a study already, whose answers cannot be read without its key; choose another --out"
        )
    study = make_study(folders, settings, arguments.condition)
    text = page(study.shown)
    out.mkdir(parents=True, exist_ok=True)
    write_key(study.key, out)
    with atomic_write(out / PAGE) as part:
        part.write_text(text, "utf-8")
    megabytes = len(text) / MEGABYTE
    print(f"{out / PAGE}: {_contents(study.key.tasks, study.key.questions, settings)}, {megabytes:.1f} MB")
    print(f"{out / KEY}: which picture came from which method; keep it from the raters")
    print(f"raters open the page from disk, or from `zeroconv study serve {out}`; then `zeroconv study analyse {out}`")
    if megabytes > LARGE:
        _note("the page is large for phones and slow lines; --format jpeg makes it smaller")
    if settings.size is None:
        _warn_of_sizes(folders)
    return 0


def _serve(arguments: Namespace) -> int:
    from zeroconv.evaluation.study.server import AnswerFile, StudyServer

    key, path = read_key(arguments.folder), arguments.folder / PAGE
    if not path.is_file():
        raise UserError(f"no file {path}: the page of this study is gone; copy it back or make the study anew")
    if not 0 <= arguments.port <= 65535:
        raise UserError(f"--port must be 0 to 65535, got {arguments.port}")
    answers = AnswerFile(arguments.answers or arguments.folder / ANSWERS, key)
    host = "127.0.0.1" if arguments.host == "localhost" else arguments.host
    try:
        server = StudyServer((host, arguments.port), served(path.read_text("utf-8")), answers)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(
            f"cannot listen at {host}:{arguments.port} ({reason}); another --port, as 0, may help"
        ) from error
    with server:
        print(f"{key.title}: {server.url}", flush=True)
        print(f"answers go to {answers.path}, {answers.count} are there; Ctrl-C ends", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(f"\n{answers.count} answers in {answers.path}")
    return 0


def _analyse(arguments: Namespace) -> int:
    from zeroconv.evaluation.study.analysis import analyse
    from zeroconv.evaluation.study.answers import read_answers

    key, common = read_key(arguments.folder), arguments.folder / ANSWERS
    files = [*([common] if common.is_file() else []), *arguments.answers]
    if not files:
        raise UserError(f"no answers: {common} is not there, and no file of answers was given")
    found = analyse(read_answers(files, key), key)
    print(found.as_text())
    print(f"written: {', '.join(map(str, found.write(arguments.out or arguments.folder / 'analysis')))}")
    return 0


def _folders(texts: list[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise UserError(f"--method is written NAME=DIR, as ours=out/ours; got {text!r}")
        if name in folders:
            raise UserError(f"--method {name} is given twice; expected a name of its own for each method")
        folders[name] = Path(folder)
    return folders


def _refuse_idle(settings: Settings, given: Mapping[str, object]) -> None:
    """UserError for an option that the other test has."""
    idle = TWO_WAY_ONLY if settings.test == "ranking" else RANKING_ONLY
    for name in idle:
        if name in given:
            useful = ", ".join(f"--{other}" for other in (*TWO_WAY_ONLY, *RANKING_ONLY) if other not in idle)
            raise UserError(f"--{name} has no effect with --test {settings.test}, which has {useful}; leave it out")


def _contents(tasks: Mapping[str, object], questions: tuple[str, ...], settings: Settings) -> str:
    if settings.test == "two-way":
        return f"{settings.teaching} teaching pictures of each system, {len(tasks)} test pictures"
    few = "" if len(tasks) == settings.groups else f" (asked for: {settings.groups})"
    return f"{len(tasks)} groups{few}, questions {' and '.join(questions)}"


def _warn_of_sizes(folders: Mapping[str, Path]) -> None:
    """Raters can tell methods by their sizes: the coarser picture is the blurred one."""
    sizes = {method: sizes_of(list(pictures_of(folder).values())) for method, folder in folders.items()}
    if len({frozenset(found) for found in sizes.values()}) > 1:
        shown = "; ".join(
            f"{method} {', '.join(f'{w}x{h}' for w, h in sorted(found)[:3])}" for method, found in sizes.items()
        )
        _note(f"the pictures differ in size ({shown}), which raters can see; --size N brings all to one")


def _note(sentence: str) -> None:
    print(f"zeroconv: warning: {sentence}", file=sys.stderr)

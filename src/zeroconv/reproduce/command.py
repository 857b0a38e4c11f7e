"""`zeroconv reproduce NAME|all`: the paper's claims measured, one after the other, and what came out as documents."""

import os
import shlex
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from zeroconv import fields
from zeroconv.base.flags import add_base_flags, load_asked
from zeroconv.base.hashing import base_hash
from zeroconv.data.cache import default_cache
from zeroconv.errors import UserError
from zeroconv.evaluation.output import bar, make_folder
from zeroconv.evaluation.report import aligned_table, write_text
from zeroconv.evaluation.sampler import Sampler
from zeroconv.reproduce import estimate, record
from zeroconv.reproduce.bench import Bench
from zeroconv.reproduce.catalogue import EXPERIMENTS, chosen
from zeroconv.reproduce.document import document
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.page import page
from zeroconv.reproduce.scales import BASES, add_scale_flags, check_scale, checkpoints_of, ground_of
from zeroconv.threads import add_threads_flag, use_threads
from zeroconv.weights import file_hash

_EXAMPLES = """\
examples:
  zeroconv reproduce                          what there is
  zeroconv reproduce composition              one claim
  zeroconv reproduce all --out runs/paper     all of them, with a time estimate first; go on with the same command
  zeroconv reproduce composition --scale paper --data PHOTOS --out runs/sd15"""

_NOT_DECIDING = ("names", "estimate", "device", "threads", "workers", "cache", "out", "batch")
"""Flags that move figures by rounding at most."""


def add_arguments(parser: ArgumentParser) -> None:
    """The flags of `zeroconv reproduce`."""
    names = "\n".join(aligned_table([(e.name, e.where, e.title) for e in EXPERIMENTS.values()], "<<<"))
    parser.description = f"Measure what the ControlNet paper (arXiv 2302.05543) claims.\n\nexperiments:\n{names}"
    parser.epilog = _EXAMPLES
    parser.add_argument("names", nargs="*", metavar="NAME|all", help="what to measure; nothing: list what there is")
    add_base_flags(parser)
    add_scale_flags(parser)
    parser.add_argument("--count", type=int, default=64, help="pictures for each setting (default: 64)")
    for option in (option for option in fields.options(Sampler) if option.name != "strength"):
        shown = "" if option.default is None else f" (default: {option.default})"
        parser.add_argument(f"--{option.name}", default=option.default, help=option.help + shown)
    parser.add_argument("--estimate", action="store_true", help="say how long it would take, and measure nothing")
    parser.add_argument("--device", default="cpu", help="where to compute (default: cpu)")
    add_threads_flag(parser, "compute")
    spare = min(4, (os.cpu_count() or 1) - 1)
    parser.add_argument("--workers", type=int, default=spare, help="processes that prepare data (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="of training data (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/paper"), help="folder (default: runs/paper)")


def run(arguments: Namespace) -> int:
    """Measure what was asked for; what lies in the folder already is not measured again."""
    if not arguments.names:
        print("\n".join(aligned_table([(e.name, e.where, e.claim) for e in EXPERIMENTS.values()], "<<<")))
        return 0
    experiments = chosen(arguments.names)
    check_scale(arguments, experiments)
    use_threads(arguments.threads)
    bench = _bench(arguments)
    make_folder(bench.out)
    asked = {e.name: _asked(e, bench, arguments.data) for e in experiments}
    done = [name for name, key in asked.items() if record.read(bench.out / name, key)]
    print(estimate.table(experiments, bench, done), flush=True)
    if arguments.estimate:
        return 0
    for experiment in experiments:
        if experiment.name not in done:
            _measure(experiment, bench, asked[experiment.name], _command(experiment, arguments))
        found = record.read(bench.out / experiment.name)
        assert found is not None
        print(f"{experiment.name}: {found.verdict.value}. {found.words}", flush=True)
    _write_documents(bench.out)
    print(f"written: {bench.out / 'index.html'}, {bench.out / 'paper.md'}", flush=True)
    return 0


def _measure(experiment: Experiment, bench: Bench, asked: str, command: str) -> None:
    started = time.perf_counter()
    finding = experiment.run(bench)
    seconds = time.perf_counter() - started
    record.write(finding, experiment, bench.out / experiment.name, asked=asked, command=command, seconds=seconds)
    _write_documents(bench.out)


def _command(experiment: Experiment, arguments: Namespace) -> str:
    """The command that measures an experiment in this way: flags with their usual values are left out."""
    parser = ArgumentParser()
    add_arguments(parser)
    usual = {**vars(parser.parse_args([])), "base": BASES[arguments.scale]}
    given = {name: getattr(arguments, name) for name in usual if name not in _NOT_DECIDING}
    words = ["zeroconv", "reproduce", experiment.name]
    for name, value in given.items():
        if str(value) != str(usual[name]):
            flag = f"--{name.replace('_', '-')}"
            words += [word for each in (value if isinstance(value, list) else [value]) for word in (flag, str(each))]
    return shlex.join(words)


def _write_documents(out: Path) -> None:
    """The page and the document of all that lies in the folder."""
    found = {name: known for name in EXPERIMENTS if (known := record.read(out / name)) is not None}
    pairs = [(EXPERIMENTS[name], known) for name, known in found.items()]
    write_text(out / "index.html", page(pairs))
    write_text(out / "paper.md", document(pairs))


def _bench(arguments: Namespace) -> Bench:
    if arguments.count < 2:
        raise UserError(f"at least 2 pictures are needed for an interval, got a count of {arguments.count}")
    settings = {o.name: getattr(arguments, o.name) for o in fields.options(Sampler) if hasattr(arguments, o.name)}
    base = load_asked(arguments, arguments.device)
    return Bench(
        base=base,
        ground=ground_of(arguments, base),
        out=arguments.out,
        checkpoints=checkpoints_of(arguments),
        count=arguments.count,
        sampler=fields.build(Sampler, settings, of="reproduce"),
        cache=arguments.cache,
        workers=arguments.workers,
        progress=bar,
    )


def _asked(experiment: Experiment, bench: Bench, data: str | None) -> str:
    """Names all that decides what an experiment does; data: where the photographs are."""
    return record.hash_of(
        {
            "experiment": experiment.name,
            "rule": experiment.rule,
            "count": bench.count,
            "sampler": str(bench.drawing),
            "base": base_hash(bench.base),
            "dtype": str(bench.base.dtype),
            "checkpoints": {name: _content(source) for name, source in bench.checkpoints.items()},
            "data": None if data is None else [data, _listing(Path(data))],
            **bench.ground.describe(),
        }
    )


def _listing(place: Path) -> list[tuple[str, int]]:
    """Names and sizes of the files below a folder, or of the one file."""
    files = sorted(path for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file())
    return [(path.relative_to(place).as_posix(), path.stat().st_size) for path in files]


def _content(source: str) -> str:
    """What names a ControlNet: the hash of its weights where they lie here, as they may be trained on."""
    return (file_hash(source) if Path(source).exists() else None) or source

"""`zeroconv evaluate base|control|controls|pictures`: figures as a table and as files in a folder."""

import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zeroconv import conditions, fields
from zeroconv.errors import UserError
from zeroconv.evaluation.output import bar, make_folder
from zeroconv.evaluation.quality.command import add_pictures
from zeroconv.evaluation.sampler import Sampler
from zeroconv.threads import add_threads_flag, use_threads

if TYPE_CHECKING:
    from PIL import Image

    from zeroconv.base import BaseModel
    from zeroconv.evaluation.controls import Candidate
    from zeroconv.evaluation.judge import Judge
    from zeroconv.evaluation.report import Report
    from zeroconv.evaluation.trial import MakeTrial


def add_arguments(parser: ArgumentParser) -> None:
    """Give `parser` the evaluations and their options."""
    evaluations = parser.add_subparsers(dest="evaluation", metavar="base|control|controls|pictures", required=True)
    base = evaluations.add_parser("base", help="what the base draws: objects, colours, backgrounds, a contact sheet")
    base.set_defaults(evaluate=_base)
    _add_common(base, count=512, without=("strength",))
    text = "pictures a side for the Frechet distance; 0 leaves it out (default: 2048)"
    base.add_argument("--compared", type=int, default=2048, help=text)
    control = evaluations.add_parser("control", help="how well pictures follow their condition")
    control.set_defaults(evaluate=_control)
    text = "what was the control; with --data also how it is made, as canny,low=50,high=150 (default: canny)"
    control.add_argument("--condition", default="canny", metavar="NAME[,KEY=VALUE...]", help=text)
    control.add_argument(
        "--checkpoint", help="ControlNet: a folder, a file or a built-in name (default: BASE-CONDITION, as tiny-canny)"
    )
    _add_common(control, count=256)
    _add_card(control)
    _add_photographs(control)
    text = "the ControlNets of a base beside each other, a row a condition; a run that was cut goes on"
    controls = evaluations.add_parser("controls", help=text, description=text)
    controls.set_defaults(evaluate=_controls)
    text = (
        "some only, with commas (default: all that are built in for the base); with --data one with how it is made, as "
        "canny,low=50,high=150; may be given several times"
    )
    controls.add_argument("--conditions", metavar="NAME,NAME", action="append", default=[], help=text)
    text = "a ControlNet in place of the built-in one: a folder, a file or a hub id; may be given several times"
    controls.add_argument("--checkpoint", metavar="NAME=SOURCE", action="append", default=[], help=text)
    _add_common(controls, count=256)
    _add_card(controls)
    _add_photographs(controls)
    add_pictures(evaluations)


def run(arguments: Namespace) -> int:
    """Run the evaluation that was asked for; 0 when it has been written."""
    use_threads(arguments.threads)
    result: int = arguments.evaluate(arguments)
    return result


def _add_common(parser: ArgumentParser, count: int, without: tuple[str, ...] = ()) -> None:
    from zeroconv.base.flags import add_base_flags

    add_base_flags(parser)
    parser.add_argument("--count", type=int, default=count, help=f"number of held-out pictures (default: {count})")
    for option in (option for option in fields.options(Sampler) if option.name not in without):
        shown = "" if option.default is None else f" (default: {option.default})"
        parser.add_argument(f"--{option.name}", default=option.default, help=option.help + shown)
    text = "perception network that reads the pictures: tiny, which ships, a folder, or none (default: tiny)"
    parser.add_argument("--judge", metavar="NAME", help=text)
    text = "the world the scenes are of; seeds below 1000000 are for training (default: 2000000)"
    parser.add_argument("--scenes-seed", type=int, help=text)
    parser.add_argument("--device", default="cpu", help="where to compute (default: cpu)")
    add_threads_flag(parser, "compute")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluate"), help="folder (default: runs/evaluate)")


def _add_card(parser: ArgumentParser) -> None:
    text = "write what was found into the ControlNet's zeroconv.json and model card"
    parser.add_argument("--card", action="store_true", help=text)


def _add_photographs(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("photographs in place of rendered scenes")
    text = (
        "held-out pictures with captions and, where it has them, condition images: what `zeroconv train --data` reads, "
        "a folder, imagefolder, tar shards, COCO or ADE20K. Nothing in it may have been trained on; --count are taken, "
        "those first that `train --held-out` sets aside"
    )
    group.add_argument("--data", metavar="SOURCE", help=text)
    text = (
        "with which options conditions are found again in what was drawn, where they are others than those they are "
        "made with: another network as judge, as segmentation,weights=FOLDER; may be given several times"
    )
    group.add_argument("--measured-by", metavar="NAME,KEY=VALUE...", action="append", default=[], help=text)


def _base(arguments: Namespace) -> int:
    from zeroconv.base.flags import load_asked
    from zeroconv.evaluation.base import evaluate_base
    from zeroconv.evaluation.drawing import settled
    from zeroconv.evaluation.held_out import held_out_scenes

    sampler, judge = _sampler(arguments), _judge(arguments)
    base = load_asked(arguments, arguments.device)
    sampler = settled(sampler, base)
    subject = {"base": base.name, "base_fingerprint": base.fingerprint()}
    held_out = held_out_scenes(arguments.count, base.native_size, seed=_seed(arguments), progress=bar)
    make_folder(arguments.out)
    evaluation = evaluate_base(
        base, held_out, sampler, subject=subject, judge=judge, compared=arguments.compared, progress=bar
    )
    _finish(evaluation.report, evaluation.sheet, arguments.out, "base")
    return 0


def _control(arguments: Namespace) -> int:
    from zeroconv.base.flags import load_asked
    from zeroconv.evaluation.control import evaluate_control
    from zeroconv.evaluation.controls import load_candidate
    from zeroconv.evaluation.drawing import settled
    from zeroconv.evaluation.fidelity import check_measured
    from zeroconv.evaluation.on_card import folder_to_tell, tell_card

    sampler, options = _sampler(arguments), _options([arguments.condition])
    if len(options) != 1:
        raise UserError(f"--condition names one, got {arguments.condition!r}; several are for `evaluate controls`")
    (condition,) = options
    check_measured(condition)
    base = load_asked(arguments, arguments.device)
    sampler = settled(sampler, base)
    candidate = load_candidate(base, condition, arguments.checkpoint)
    told = folder_to_tell(candidate.source) if arguments.card else None
    subject = {
        "base": base.name,
        "base_fingerprint": base.fingerprint(),
        "checkpoint": candidate.source,
        "base_fingerprint_at_training": candidate.sidecar.base_fingerprint,
        "training": dict(candidate.sidecar.training),
    }
    trial = _trials(arguments, base, options, [candidate])(condition, candidate.sidecar)
    held_out = trial.read()
    make_folder(arguments.out)
    evaluation = evaluate_control(
        base,
        candidate.controlnet,
        condition,
        held_out,
        sampler,
        fidelity=trial.fidelity,
        judge=trial.judge,
        subject=subject,
        sidecar=candidate.sidecar,
        progress=bar,
    )
    _finish(evaluation.report, evaluation.sheet, arguments.out, "control")
    if told:
        tell_card(told, evaluation.report.as_json())
    found = evaluation.report.subject
    state = "untouched" if found["base_untouched"] else f"CHANGED to {found['base_weights_after'][:16]}"
    print(f"locked base: weights {found['base_weights'][:16]} before, {state} after")
    return 0


def _controls(arguments: Namespace) -> int:
    from zeroconv.base.flags import load_asked
    from zeroconv.evaluation.controls import COLUMNS, comparison, evaluate_controls, load_candidates
    from zeroconv.evaluation.drawing import settled
    from zeroconv.evaluation.on_card import folder_to_tell, tell_card
    from zeroconv.evaluation.report import aligned_table, as_csv, write_text

    sampler, options = _sampler(arguments), _options(arguments.conditions)
    base = load_asked(arguments, arguments.device)
    given = dict(_named(text) for text in arguments.checkpoint)
    sampler, candidates = settled(sampler, base), load_candidates(base, tuple(options), given)
    told = {c.condition: folder_to_tell(c.source) for c in candidates} if arguments.card else {}
    make_trial = _trials(arguments, base, options, candidates)
    trials = [(candidate, make_trial(candidate.condition, candidate.sidecar)) for candidate in candidates]
    make_folder(arguments.out)
    reports = {}
    for condition, report in evaluate_controls(
        base,
        trials,
        sampler,
        arguments.out,
        subject={"base": base.name, "base_fingerprint": base.fingerprint()},
        progress=bar,
    ):
        reports[condition] = report
        if condition in told:
            tell_card(told[condition], report)
        rows = comparison(reports)
        write_text(arguments.out / "controls.csv", as_csv(rows))
        print(f"{condition}: written to {arguments.out / condition}", flush=True)
    lines = [COLUMNS, *(tuple(row[column] for column in COLUMNS) for row in rows)]
    print("\n".join(aligned_table(lines, ("<", "<", *">" * (len(COLUMNS) - 2)))))
    what = "scenes" if arguments.data is None else "photographs at most"
    print(f"{arguments.count} held-out {what} each; written: {arguments.out / 'controls.csv'}")
    return 0


def _named(text: str) -> tuple[str, str]:
    name, equals, source = text.partition("=")
    if not equals or not source:
        raise UserError(f"--checkpoint is written NAME=SOURCE, as canny=runs/canny/controlnet; got {text!r}")
    return conditions.canonical(name), source


def _options(texts: Sequence[str]) -> "dict[str, dict[str, str]]":
    """Conditions by their canonical names, and the options given with them."""
    from zeroconv.data.extraction import parse_conditions

    names, options = parse_conditions(texts)
    return {conditions.canonical(name): options.get(name, {}) for name in names}


def _trials(
    arguments: Namespace,
    base: "BaseModel",
    options: "dict[str, dict[str, str]]",
    candidates: "Sequence[Candidate]",
) -> "MakeTrial":
    """What the ControlNets are measured on. options: of their conditions, as they were given."""
    from zeroconv.evaluation.trial import on_photographs, on_scenes

    measured_by = _options(arguments.measured_by)
    if arguments.data is None:
        if measured_by or any(options.values()):
            what = "--measured-by" if measured_by else "options of a condition"
            raise UserError(f"{what} are for photographs, --data; scenes have their own truth and their own judge")
        return on_scenes(arguments.count, base.native_size, _seed(arguments), _judge(arguments), bar)
    known = [candidate.condition for candidate in candidates]
    if unused := measured_by.keys() - set(known):
        raise UserError(f"--measured-by names {sorted(unused)[0]}, which is not among {', '.join(known)}")
    for name in ("scenes_seed", "judge"):
        if getattr(arguments, name) is not None:
            warnings.warn(f"--{name.replace('_', '-')} has no effect with --data", stacklevel=2)
    return on_photographs(
        arguments.data, arguments.count, base.native_size, options=options, measured_by=measured_by, progress=bar
    )


def _judge(arguments: Namespace) -> "Judge | None":
    from zeroconv.evaluation.judge import Judge
    from zeroconv.perception import SHIPPED, load_perception

    if arguments.judge == "none":
        return None
    folder = SHIPPED if arguments.judge in (None, "tiny") else Path(arguments.judge)
    return Judge(load_perception(folder, device=arguments.device))


def _seed(arguments: Namespace) -> int:
    from zeroconv.evaluation.held_out import EVALUATION_SEED

    return EVALUATION_SEED if arguments.scenes_seed is None else int(arguments.scenes_seed)


def _sampler(arguments: Namespace) -> Sampler:
    settings = [option.name for option in fields.options(Sampler)]
    given = {name: value for name, value in vars(arguments).items() if name in settings}
    sampler: Sampler = fields.build(Sampler, given, of="evaluate")
    return sampler


def _finish(report: "Report", sheet: "Image.Image", folder: Path, name: str) -> None:
    from zeroconv.images import save_png

    summary, rows = report.write(folder, name)
    save_png(sheet, folder / f"{name}.png", {"protocol_hash": report.protocol_hash})
    print(report.as_table())
    print(f"written: {summary}, {rows}, {folder / f'{name}.png'}")

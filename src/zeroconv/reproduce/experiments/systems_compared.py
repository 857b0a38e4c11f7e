"""Segmentation to pictures by several systems (arXiv 2302.05543, Tables 2, 3, Fig. 9), trained on as many samples."""

from collections.abc import Mapping

from zeroconv.comparisons.concatenated import ConcatenatedLDM
from zeroconv.comparisons.semantic_space import SemanticSpace
from zeroconv.comparisons.t2i_adapter import TrainedAdapter
from zeroconv.comparisons.token_transformer import TokenTransformer
from zeroconv.evaluation.held_out import through_autoencoder
from zeroconv.evaluation.statistics import Estimate, estimate_difference, estimate_mean
from zeroconv.reproduce.bench import Bench, images, scores
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Finding, Table, Verdict, shown
from zeroconv.reproduce.rivals import drawn_by, learnt
from zeroconv.reproduce.sheets import side_by_side
from zeroconv.reproduce.trainings import SAMPLES, Training, trained

CONDITION = "segmentation"
RIVALS = (TokenTransformer, ConcatenatedLDM, SemanticSpace, TrainedAdapter)
IN_THE_TABLES = (TokenTransformer.name, ConcatenatedLDM.name, SemanticSpace.name, "ControlNet-lite")
"""What the paper's own tables hold beside ControlNet."""
OURS: Mapping[str, str] = {"ControlNet-lite": "lite", "ControlNet": "full"}
PAPERS = {
    "true pictures": ("0.58", "", ""),
    "the base": ("", "6.09", "0.26"),
    TokenTransformer.name: ("0.21", "26.28", "0.17"),
    ConcatenatedLDM.name: ("0.31", "25.35", "0.18"),
    SemanticSpace.name: ("0.26", "19.74", "0.20"),
    "ControlNet-lite": ("0.32", "17.92", "0.26"),
    "ControlNet": ("0.35", "15.27", "0.26"),
}
"""Tables 2 and 3: IoU on ADE20K, FID and CLIP score."""


def run(bench: Bench) -> Finding:
    """Train each system, draw the same held-out scenes by all, and read the classes again."""
    fidelity, held_out = bench.world.fidelity(CONDITION), bench.world.held_out(bench.count)
    asked = fidelity.asked(held_out)
    drawn = {
        "true pictures": through_autoencoder(bench.base, held_out.pictures),
        "the base": bench.draw(held_out.captions, what="the base"),
    }
    minutes = {}
    for kind in RIVALS:
        system = learnt(bench, f"{CONDITION}-{kind.__name__.lower()}", CONDITION, kind)
        minutes[kind.name] = system.seconds / 60
        drawn[kind.name] = drawn_by(bench, system.rival, CONDITION, asked, held_out.captions, what=kind.name)
    for name, variant in OURS.items():
        run_ = trained(bench, Training(f"{CONDITION}-{variant}-0", CONDITION, changes={"variant": variant}))
        minutes[name] = float(run_.training["seconds"]) / 60
        controls = bench.controls_of(run_.folder.controlnet, CONDITION, asked)
        drawn[name] = bench.draw(held_out.captions, controls, what=name)
    found = {name: scores(fidelity, pictures, asked) for name, pictures in drawn.items()}
    quality = {name: bench.world.quality(pictures) for name, pictures in drawn.items()}
    rows = {
        name: (
            estimate_mean(values),
            quality[name],
            estimate_mean(bench.world.alignment(drawn[name], held_out.captions)),
            f"{minutes[name]:.0f}" if name in minutes else "",
            *PAPERS.get(name, ("", "", "")),
        )
        for name, values in found.items()
    }
    columns = (
        fidelity.metric,
        f"{bench.world.quality_name}, less is better",
        bench.world.alignment_name,
        "minutes of training",
        "paper: IoU",
        "paper: FID",
        "paper: CLIP score",
    )
    gaps = {name: estimate_difference(found["ControlNet"], found[name]) for name in IN_THE_TABLES}
    verdict, words = judge(gaps, {name: quality[name] for name in (*IN_THE_TABLES, "ControlNet")})
    sheet = side_by_side(held_out.captions, {"scene": held_out.pictures, CONDITION: images(asked), **drawn})
    protocol = bench.protocol(held_out, samples=SAMPLES, systems=[kind.name for kind in RIVALS])
    table = Table("segmentation to pictures", columns, rows)
    return Finding(verdict, words, (table,), protocol, {"systems.jpg": sheet})


def judge(gaps: Mapping[str, Estimate], quality: Mapping[str, Estimate]) -> tuple[Verdict, str]:
    """The rule, of what ControlNet's fidelity has over each other's, and of each one's distance to true pictures."""
    told = ", ".join(f"{name} {shown(gap, '+.3f')}" for name, gap in gaps.items())
    nearest = min(quality, key=lambda name: quality[name].mean)
    words = f"ControlNet's fidelity over the others': {told}. Nearest to true pictures: {nearest}."
    are_met = (all(gap.low > 0 for gap in gaps.values()), nearest == "ControlNet")
    return (Verdict.HOLDS if all(are_met) else Verdict.IN_PART if any(are_met) else Verdict.FAILS), words


EXPERIMENT = Experiment(
    name="systems",
    title="Segmentation to pictures, against other systems",
    where="Table 2, Table 3, Fig. 9",
    claim="ControlNet follows segmentation better than VQGAN, LDM, PITI and ControlNet-lite, and its pictures are "
    "nearer to true ones.",
    papers_number="IoU 0.35 against 0.21 to 0.32; FID 15.27 against 17.92 to 26.28",
    rule="holds where ControlNet's fidelity is above that of each system of the tables (95 % interval of the paired "
    "difference above 0) and its pictures are the nearest to true ones; in part where one of these is met",
    run=run,
    pictures=lambda count: (1 + len(RIVALS) + len(OURS)) * count,
    samples=(len(RIVALS) + len(OURS)) * SAMPLES,
    trains_on=(CONDITION,),
    needs_world="the systems are trained on scenes",
)

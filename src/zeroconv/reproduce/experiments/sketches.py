"""Sketches to pictures (arXiv 2302.05543, Table 1): the systems that people ranked, by figures; a study for people."""

from collections.abc import Mapping, Sequence
from typing import cast

from PIL import Image

from zeroconv.comparisons.latent_edges import LatentEdges
from zeroconv.comparisons.semantic_space import SemanticSpace
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.statistics import estimate_difference, estimate_mean
from zeroconv.images import save_png
from zeroconv.reproduce.bench import Bench, images, scores
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.experiments.systems_compared import judge
from zeroconv.reproduce.finding import Finding, Table
from zeroconv.reproduce.rivals import drawn_by, learnt
from zeroconv.reproduce.sheets import side_by_side
from zeroconv.reproduce.trainings import SAMPLES, Training, trained

CONDITION = "scribble"
BETAS = (1.6, 3.2)
PAPERS = {
    "PITI": ("1.10", "1.02"),
    "Sketch-Guided, beta 1.6": ("3.21", "2.31"),
    "Sketch-Guided, beta 3.2": ("2.52", "3.28"),
    "ControlNet-lite": ("3.93", "4.09"),
    "ControlNet": ("4.22", "4.28"),
}
"""Table 1: average user ranking of quality and of fidelity, 1 worst to 5 best."""


def run(bench: Bench) -> Finding:
    """Train each system on scribbles, draw the same held-out ones, and leave folders from which a study is made."""
    fidelity, held_out = bench.world.fidelity(CONDITION), bench.world.held_out(bench.count)
    asked = fidelity.asked(held_out)
    piti = learnt(bench, f"{CONDITION}-{SemanticSpace.__name__.lower()}", CONDITION, SemanticSpace).rival
    drawn = {"PITI": drawn_by(bench, piti, CONDITION, asked, held_out.captions, what="PITI")}
    system = learnt(bench, f"{CONDITION}-{LatentEdges.__name__.lower()}", CONDITION, LatentEdges)
    guide = cast(LatentEdges, system.rival)
    for beta in BETAS:
        guide.beta, name = beta, f"Sketch-Guided, beta {beta:g}"
        drawn[name] = drawn_by(bench, guide, CONDITION, asked, held_out.captions, what=name)
    for name, variant in (("ControlNet-lite", "lite"), ("ControlNet", "full")):
        run_ = trained(bench, Training(f"{CONDITION}-{variant}-0", CONDITION, changes={"variant": variant}))
        controls = bench.controls_of(run_.folder.controlnet, CONDITION, asked)
        drawn[name] = bench.draw(held_out.captions, controls, what=name)
    write_folders(bench, {**drawn, "condition": images(asked)})
    found = {name: scores(fidelity, pictures, asked) for name, pictures in drawn.items()}
    quality = {name: bench.world.quality(pictures) for name, pictures in drawn.items()}
    rows = {name: (estimate_mean(values), quality[name], *PAPERS[name]) for name, values in found.items()}
    columns = (
        fidelity.metric,
        f"{bench.world.quality_name}, less is better",
        "paper: rank of quality",
        "paper: rank of fidelity",
    )
    gaps = {name: estimate_difference(found["ControlNet"], values) for name, values in found.items()}
    del gaps["ControlNet"]
    verdict, words = judge(gaps, quality)
    sheet = side_by_side(held_out.captions, {"scene": held_out.pictures, CONDITION: images(asked), **drawn})
    protocol = bench.protocol(held_out, samples=SAMPLES, betas=BETAS)
    words += " People can be asked: `zeroconv study make` with the folders in sketches/study."
    table = Table("sketches to pictures", columns, rows)
    return Finding(verdict, words, (table,), protocol, {"sketches.jpg": sheet})


def write_folders(bench: Bench, drawn: Mapping[str, Sequence[Picture]]) -> None:
    """The pictures of each system in a folder of its name, under bench.out/sketches/study."""
    for name, pictures in drawn.items():
        folder = bench.out / EXPERIMENT.name / "study" / name.replace(" ", "-").replace(",", "")
        folder.mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(pictures):
            save_png(Image.fromarray(picture), folder / f"{number:04d}.png")


EXPERIMENT = Experiment(
    name="sketches",
    title="Sketches to pictures, against other systems",
    where="Table 1",
    claim="People rank ControlNet before PITI, Sketch-Guided Diffusion and ControlNet-lite, in quality and fidelity.",
    papers_number="4.22 and 4.28 of 5 for ControlNet; the next, ControlNet-lite, 3.93 and 4.09",
    rule="holds where, by figures in place of people, ControlNet's fidelity is above each other's (95 % interval of "
    "the paired difference above 0) and its pictures are the nearest to true ones; in part where one of these is met",
    run=run,
    pictures=lambda count: (len(BETAS) + len(PAPERS)) * count,  # guided ones cost twice
    samples=4 * SAMPLES,
    trains_on=(CONDITION,),
    needs_world="the systems are trained on scenes",
)

"""What was found as Markdown: docs/paper.md."""

from collections.abc import Sequence

from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Table, shown
from zeroconv.reproduce.record import Recorded

_HEAD = """\
# The paper replayed

Claims of arXiv 2302.05543, each with the command that measures it: `zeroconv reproduce NAME`, or `all`. The figures are
of the embedded base and its world, which are small: they say whether the method behaves as claimed, not how good Stable
Diffusion is. In brackets 95 % intervals. The rule by which a claim holds was settled before it was measured.
"""


def document(found: Sequence[tuple[Experiment, Recorded]]) -> str:
    """All findings, an overview first."""
    lines = [_HEAD, "| claim | in the paper | verdict here | command |", "|---|---|---|---|"]
    lines += [
        f"| [{e.title}](#{_anchor(e.title)}) | {e.where} | {known.verdict.value} | `{known.command}` |"
        for e, known in found
    ]
    return "\n".join([*lines, *(_section(e, known) for e, known in found)]) + "\n"


def _section(experiment: Experiment, known: Recorded) -> str:
    parts = [
        f"\n## {experiment.title}\n",
        f"**{experiment.where}.** {experiment.claim} The paper's number: {experiment.papers_number}.\n",
        f"**Rule.** It {experiment.rule}.\n",
        f"**Verdict: {known.verdict.value}.** {known.words}\n",
        *(_table(table) for table in known.tables),
        *(f"![{experiment.title}]({known.folder.name}/{name})\n" for name in known.pictures),
        f"`{known.command}`, protocol {known.protocol_hash}, {known.seconds / 60:.0f} minutes.",
    ]
    return "\n".join(parts)


def _table(table: Table) -> str:
    lines = [f"| {table.title} | " + " | ".join(table.columns) + " |", "|---" * (len(table.columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(shown(cell) for cell in cells) + " |" for name, cells in table.rows.items()]
    return "\n".join(lines) + "\n"


def _anchor(title: str) -> str:
    kept = (c for c in title.lower().replace(" ", "-") if c.isalnum() or c == "-")
    return "".join(kept)

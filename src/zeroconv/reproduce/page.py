"""What was found as one HTML page beside its pictures; light or dark as the reader's system is."""

from collections.abc import Sequence
from html import escape

from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Table, Verdict, shown
from zeroconv.reproduce.record import Recorded

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 66rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin: 2.6rem 0 .4rem; }
table { border-collapse: collapse; font-size: .92rem; margin: .8rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #8884; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.wide { overflow-x: auto; } .wide img { display: block; }
.verdict { border-radius: .3rem; padding: .05rem .5rem; color: #fff; white-space: nowrap; }
small { opacity: .75; }
"""
_COLOURS = {Verdict.HOLDS: "#1a7f37", Verdict.IN_PART: "#9a6700", Verdict.FAILS: "#b42318", Verdict.OPEN: "#57606a"}


def page(found: Sequence[tuple[Experiment, Recorded]]) -> str:
    """The whole page."""
    overview = "".join(
        f'<tr><td><a href="#{e.name}">{escape(e.title)}</a></td><td>{escape(e.where)}</td><td>{_badge(known)}</td></tr>'
        for e, known in found
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>The paper replayed</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n<body>'
        "<h1>The paper replayed</h1><p>Claims of arXiv 2302.05543, measured by <code>zeroconv reproduce</code>. "
        "In brackets 95 % intervals.</p>"
        f"<table><tr><th>claim</th><th>in the paper</th><th>here</th></tr>{overview}</table>"
        f"{''.join(_section(e, known) for e, known in found)}</body></html>\n"
    )


def _section(experiment: Experiment, known: Recorded) -> str:
    pictures = "".join(
        f'<div class="wide"><img src="{known.folder.name}/{name}" alt="{escape(experiment.title)}"></div>'
        for name in known.pictures
    )
    return (
        f'\n<h2 id="{experiment.name}">{escape(experiment.title)} {_badge(known)}</h2>'
        f"<p><b>{escape(experiment.where)}.</b> {escape(experiment.claim)} <small>The paper's number: "
        f"{escape(experiment.papers_number)}. It {escape(experiment.rule)}.</small></p>"
        f"<p>{escape(known.words)}</p>{''.join(map(_table, known.tables))}{pictures}"
        f"<p><small><code>{escape(known.command)}</code> · protocol {known.protocol_hash} · "
        f"{known.seconds / 60:.0f} minutes · {escape(known.finished)}</small></p>"
    )


def _badge(known: Recorded) -> str:
    return f'<span class="verdict" style="background:{_COLOURS[known.verdict]}">{known.verdict.value}</span>'


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in (table.title, *table.columns))
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td class=number>{escape(shown(cell))}</td>' for cell in cells)}</tr>"
        for name, cells in table.rows.items()
    )
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'

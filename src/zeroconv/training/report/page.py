"""The report as one HTML page: no script, no further file, no network; light or dark as the reader's system is."""

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from zeroconv.training.gain_figure import DARK, LIGHT
from zeroconv.training.report.facts import bands_of, figures_of, origin_of, settings_of
from zeroconv.training.report.figures import curves_png, gain_png, previews_of
from zeroconv.training.report.reading import RunRead

_STYLE = f"""
:root {{ color-scheme: light dark; --back: {LIGHT.background}; --text: {LIGHT.text}; --soft: #57606a; --line: #d8dee4;
  --card: #f6f8fa; --warn: #fff4e5; --edge: {LIGHT.lines[1]}; }}
@media (prefers-color-scheme: dark) {{ :root {{ --back: {DARK.background}; --text: {DARK.text}; --soft: #9aa4ae;
  --line: #2d343c; --card: #1c2229; --warn: #33240f; --edge: {DARK.lines[1]}; }} }}
body {{ margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.7rem; margin: 0; }} h2 {{ font-size: 1.15rem; margin: 2.2rem 0 .6rem; }}
p.status {{ color: var(--soft); margin: .2rem 0 1.4rem; }}
p.message {{ background: var(--card); border-left: 4px solid var(--line); margin: .6rem 0; padding: .6rem .9rem; }}
p.warning {{ background: var(--warn); border-left-color: var(--edge); }}
table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }}
th {{ font-weight: 500; color: var(--soft); width: 15rem; }} thead th {{ width: auto; }}
img {{ max-width: 100%; height: auto; display: block; }} .wide {{ overflow-x: auto; }} .wide img {{ max-width: none; }}
.figure {{ overflow-x: auto; }} .figure img {{ min-width: 36rem; }}
@media (max-width: 40rem) {{ body {{ margin: 1rem auto; }} th {{ width: 8.5rem; }} }}
"""


def page(run: RunRead) -> str:
    """The whole page."""
    title = escape(run.headline)
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="status">{escape(run.status)} · {escape(run.folder.path.resolve().name)}</p>',
        *(_message(step, text) for step, text in run.messages),
        _section("Figures", _table(figures_of(run))),
        _section("Control gain", _picture(gain_png(run, LIGHT), gain_png(run, DARK)) if run.curve.points else ""),
        _section("Control gain by noise", _bands(run)),
        _section("Training", _picture(curves_png(run, LIGHT), curves_png(run, DARK)) if run.steps else ""),
        _section("Pictures along the way", _previews(run)),
        _section("Settings", _table(settings_of(run))),
        _section("Where it comes from", _table(origin_of(run))),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"\n<h2>{title}</h2>\n{content}" if content else ""


def _message(step: int, text: str) -> str:
    kind = "message warning" if text.startswith("warning") else "message"
    return f'\n<p class="{kind}">Step {step}: {escape(text)}</p>'


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(lines)}</table>"


def _bands(run: RunRead) -> str:
    rows = bands_of(run)
    if not rows:
        return ""
    head = "<thead><tr><th>noise</th><th>without control - with</th><th>wrong condition - right</th></tr></thead>"
    lines = ("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{head}{''.join(lines)}</table>"


def _picture(light: bytes, dark: bytes) -> str:
    """A figure in the colours of the reader's system."""
    return (
        f'<div class="figure"><picture><source srcset="{_data(dark)}" media="(prefers-color-scheme: dark)">'
        f'<img src="{_data(light)}" alt="curves over the optimiser steps"></picture></div>'
    )


def _previews(run: RunRead) -> str:
    sheet = previews_of(run)
    if sheet is None:
        return ""
    return (
        "<p>A row an example, always from the same noise: its condition, then what was drawn from it and its caption "
        f'after each step.</p><div class="wide"><img src="{_data(_jpeg(sheet), "jpeg")}" alt="pictures by step"></div>'
    )


def _jpeg(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, format="JPEG", quality=90)
    return content.getvalue()


def _data(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"

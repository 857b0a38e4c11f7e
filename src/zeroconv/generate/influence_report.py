"""What an `Influence` saw, as report.json and as one picture beside it."""

import json
from pathlib import Path
from typing import Any

from zeroconv.images import atomic_write
from zeroconv.sampling.influence import Influence


def write_report(influence: Influence, folder: Path) -> tuple[Path, Path]:
    """Writes report.json and report.png into the folder; their paths."""
    with atomic_write(folder / "report.json") as part:
        part.write_text(json.dumps(as_json(influence), indent=2) + "\n", "utf-8")
    with atomic_write(folder / "report.png") as part:
        _figure(influence).savefig(part, dpi=100)
    return folder / "report.json", folder / "report.png"


def as_json(influence: Influence) -> dict[str, Any]:
    """Contributions and agreements of all layers, as plain values."""
    controls = [
        {
            "name": name,
            "layers": "features" if influence.is_adapter(index) else "layers",
            "predictions": influence.steps(index),
            "contribution": _rounded(influence.contribution(index)),
        }
        for index, name in enumerate(influence.names)
    ]
    pairs = [
        {
            "controls": [influence.names[index] for index in pair],
            "agreement": _rounded(influence.agreement(pair)),
            "opposed_share_of_the_picture": round(float((influence.agreement_map(pair) < 0).float().mean()), 4),
        }
        for pair in influence.pairs()
    ]
    features = {"features": _features(influence)} if influence.feature_sizes else {}
    return {"layers": _layers(influence), **features, "controls": controls, "pairs": pairs}


def _layers(influence: Influence) -> list[str]:
    names = [f"skip {index}" for index in range(len(influence.sizes) - 1)] + ["middle"]
    return [f"{name} ({w}x{h})" for name, (h, w) in zip(names, influence.sizes, strict=True)]


def _features(influence: Influence) -> list[str]:
    return [f"feature {index} ({w}x{h})" for index, (h, w) in enumerate(influence.feature_sizes)]


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 5) for value in values]


def _figure(influence: Influence) -> Any:
    from matplotlib.figure import Figure

    pairs = influence.pairs()
    figure = Figure(figsize=(8, 3.2 * (1 + len(pairs))), layout="constrained")
    rows = figure.subplots(1 + len(pairs), 2, squeeze=False, width_ratios=(2, 1))
    for index, name in enumerate(influence.names):
        axes = rows[0][1 if influence.is_adapter(index) else 0]
        axes.plot(influence.contribution(index), marker="o", label=f"{index + 1}: {name}")
    rows[0][0].set(title="contribution: |residual| / |skip|", ylim=(0, None))
    if influence.feature_sizes:
        rows[0][1].set(title="T2I-Adapters: |feature| / |encoder|", ylim=(0, None))
        _name_layers(rows[0][1], _features(influence))
    else:
        rows[0][1].axis("off")
    for axes in rows[0]:
        if axes.lines:
            axes.legend()
    for (curve, picture), pair in zip(rows[1:], pairs, strict=True):
        names = " and ".join(f"{index + 1}: {influence.names[index]}" for index in pair)
        curve.plot(influence.agreement(pair), marker="o", color="black")
        curve.axhline(0, color="grey", linewidth=0.8)
        curve.set(title=f"agreement of {names} (cosine)", ylim=(-1.05, 1.05))
        shown = picture.imshow(influence.agreement_map(pair).numpy(), cmap="RdBu", vmin=-1, vmax=1)
        picture.set(title="red: they pull apart", xticks=(), yticks=())
        figure.colorbar(shown, ax=picture)
        _name_layers(curve, (_features if influence.is_adapter(pair[0]) else _layers)(influence))
    _name_layers(rows[0][0], _layers(influence))
    return figure


def _name_layers(axes: Any, names: list[str]) -> None:
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=6)

"""Several systems measured alike, in one table: a line a system, then what the first has over each of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from zeroconv.evaluation.report import Report, aligned_table
from zeroconv.evaluation.statistics import Estimate, estimate_difference


@dataclass(frozen=True)
class Comparison:
    """The reports of systems by name, at least one, all of one scorer."""

    reports: Mapping[str, Report]

    @property
    def lines(self) -> dict[str, dict[str, Estimate]]:
        """Estimates by measure, of each system and of each paired difference, `first - other`, picture by picture.

        There are differences of the scores of single pictures, between systems with the same captions.
        """
        found = {name: {m.name: m.estimate for m in report.measures} for name, report in self.reports.items()}
        first, report = next(iter(self.reports.items()))
        for name, other in islice(self.reports.items(), 1, None):
            if report.subject["captions"] == other.subject["captions"] and (gaps := _differences(report, other)):
                found[f"{first} - {name}"] = gaps
        return found

    def as_rows(self) -> list[dict[str, Any]]:
        """One mapping a line and measure, for a CSV file."""
        return [
            {"system": name, "measure": measure, "mean": e.mean, "low": e.low, "high": e.high, "count": e.count}
            for name, estimates in self.lines.items()
            for measure, e in estimates.items()
        ]

    def as_table(self) -> str:
        """Aligned plain text: a column a measure, and a last line that says whether the lines may be compared."""
        columns = list(dict.fromkeys(m.name for report in self.reports.values() for m in report.measures))
        head = ("", *columns)
        body = [(name, *_cells(estimates, columns)) for name, estimates in self.lines.items()]
        return "\n".join([*aligned_table([head, *body], ("<", *">" * len(columns))), self._verdict()])

    def _verdict(self) -> str:
        protocols = [report.protocol for report in self.reports.values()]
        differing = sorted(key for key in protocols[0] if any(p.get(key) != protocols[0][key] for p in protocols))
        if differing:
            return f"mean [95 % interval]; NOT to be compared, as their protocols differ in: {', '.join(differing)}"
        return f"mean [95 % interval]; protocol {next(iter(self.reports.values())).protocol_hash} of all"


def _differences(first: Report, second: Report) -> dict[str, Estimate]:
    found = {}
    for name in (measure.name for measure in first.measures if measure.name in first.rows[0]):
        pairs = [(one[name], two[name]) for one, two in zip(first.rows, second.rows, strict=True)]
        both = [pair for pair in pairs if "" not in pair]
        if len(both) > 1:
            found[name] = estimate_difference(*zip(*both, strict=True))
    return found


def _cells(estimates: Mapping[str, Estimate], columns: Sequence[str]) -> list[str]:
    return [f"{e.mean:.3f} [{e.low:.3f}, {e.high:.3f}]" if (e := estimates.get(name)) else "" for name in columns]

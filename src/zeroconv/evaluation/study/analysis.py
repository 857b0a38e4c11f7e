"""The answers of a study as a report: the rows of the paper's table with intervals, and one CSV line a rank."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.evaluation.report import Measure, Report, aligned_table, as_csv, write_text
from zeroconv.evaluation.statistics import CONFIDENCE, RESAMPLES, SEED
from zeroconv.evaluation.study.answers import Answer, Answers
from zeroconv.evaluation.study.crossed import METHOD, CrossedMean
from zeroconv.evaluation.study.key import Key
from zeroconv.evaluation.study.ranking import Ranked, ranked
from zeroconv.evaluation.study.two_way import ToldApart, is_right, told_apart

OVER_GROUPS = f"of agreement: over groups, {CONFIDENCE:.0%} percentile bootstrap, {RESAMPLES} resamples, seed {SEED}"


@dataclass(frozen=True)
class Analysis:
    """What a study found."""

    report: Report
    table: tuple[Mapping[str, str], ...]
    """A row a method as the paper prints it, or a row a rater of the two-way test; all with the same keys."""
    remarks: tuple[str, ...]

    def as_text(self) -> str:
        """Table, figures with intervals, and what a reader must know."""
        names = tuple(self.table[0])
        rows = [names, *(tuple(row.values()) for row in self.table)]
        table = "\n".join(aligned_table(rows, ("<", *">" * (len(names) - 1))))
        remarks = [f"note: {remark}" for remark in self.remarks]
        return "\n\n".join([table, "\n".join([self.report.as_table(), *remarks])])

    def write(self, folder: Path) -> tuple[Path, ...]:
        """folder/study.json, study.csv (a line a rank or answer), table.csv and study.txt -> their paths."""
        summary, rows = self.report.write(folder, "study")
        table, text = folder / "table.csv", folder / "study.txt"
        write_text(table, as_csv(self.table))
        write_text(text, self.as_text() + "\n")
        return summary, rows, table, text


def analyse(answers: Answers, key: Key) -> Analysis:
    """Answers and key -> the analysis. UserError where no answer counts."""
    if not answers.counted:
        reasons = "".join(f"; {remark}" for remark in answers.remarks[:1])
        raise UserError(f"no answer counts for study {key.study}: nothing to analyse{reasons}")
    found = _ranking(answers, key) if key.test == "ranking" else _two_way(answers, key)
    measures, table, rows, more = found
    remarks = (*answers.remarks, *_few(answers.counted), *more)
    raters = sorted({answer.rater for answer in answers.counted})
    interval = METHOD if key.test == "two-way" else f"{METHOD}; {OVER_GROUPS}"
    protocol = {
        "test": key.test,
        "questions": list(key.questions),
        "ties": key.ties,
        "interval": interval,
        **_made(key),
    }
    subject = {
        "study": key.study,
        "title": key.title,
        "methods": list(key.methods),
        "folders": key.made["folders"],
        "pictures_hash": key.made["pictures_hash"],
        "raters": raters,
        "answers": len(answers.counted),
        "remarks": list(remarks),
    }
    title = f"{key.title}  {len(raters)} raters, {len(key.tasks)} {'groups' if key.test == 'ranking' else 'pictures'}"
    return Analysis(Report(title, protocol, subject, tuple(measures), tuple(rows), interval=interval), table, remarks)


Found = tuple[list[Measure], tuple[Mapping[str, str], ...], list[Mapping[str, Any]], list[str]]
"""Measures, table, lines of the CSV file, remarks."""


def _ranking(answers: Answers, key: Key) -> Found:
    outcomes = [outcome for question in key.questions if (outcome := ranked(answers.counted, key, question))]
    measures = [measure for outcome in outcomes for measure in _measures_of(outcome)]
    table = tuple(
        {"method": method, **{outcome.question: _plus_minus(outcome.means[method]) for outcome in outcomes}}
        for method in key.methods
    )
    rows = [row for answer in answers.counted for row in _rank_rows(answer, key)]
    silent = [question for question in key.questions if question not in {outcome.question for outcome in outcomes}]
    lone = [outcome.question for outcome in outcomes if outcome.agreement is None]
    remarks = [f"nobody answered {question}" for question in silent]
    remarks += [f"no agreement told for {name}: fewer than two groups were ranked by two raters" for name in lone]
    return measures, table, rows, remarks


def _measures_of(outcome: Ranked) -> Iterator[Measure]:
    name = outcome.question
    for method, mean in outcome.means.items():
        spread = "" if mean.spread is None else f", standard deviation over raters {mean.spread:.2f}"
        yield Measure(
            f"{name}: {method}", f"average human ranking, 1 worst, {len(outcome.means)} best{spread}", mean.estimate
        )
    for (better, other), share in outcome.above.items():
        yield Measure(f"{name}: {better} above {other}", "share of answers; 0.5 is chance", share)
    if outcome.agreement is not None:
        yield Measure(f"{name}: Kendall's W", "agreement of raters; 1: equal orders", outcome.agreement.w)
        yield Measure(f"{name}: Spearman", "between raters; 0 is chance", outcome.agreement.correlation)


def _rank_rows(answer: Answer, key: Key) -> Iterator[Mapping[str, Any]]:
    task = key.tasks[answer.task]
    for position, item in enumerate(answer.order, 1):
        yield {
            "rater": answer.rater,
            "question": answer.question,
            "stimulus": task.stimulus,
            "method": task.items[item],
            "rank": answer.ranks[item],
            "position": position,
            "seconds": answer.seconds,
            "at": answer.at,
        }


def _two_way(answers: Answers, key: Key) -> Found:
    outcome = told_apart(answers.counted, key)
    assert outcome is not None, "analyse has seen that there are answers"
    table: tuple[Mapping[str, str], ...] = tuple(
        {
            "rater": own.rater,
            "right": str(own.right),
            "of": str(own.count),
            "precision": f"{own.right / own.count:.3f}",
            "p against chance": f"{own.p_value:.4f}",
        }
        for own in outcome.raters
    )
    rows: list[Mapping[str, Any]] = [
        {
            "rater": answer.rater,
            "stimulus": key.tasks[answer.task].stimulus,
            "method": next(iter(key.tasks[answer.task].items.values())),
            "answer": key.systems[answer.system],
            "right": int(is_right(answer, key)),
            "seconds": answer.seconds,
            "at": answer.at,
        }
        for answer in answers.counted
    ]
    return list(_measures_of_test(outcome)), table, rows, [_verdict(outcome)]


def _measures_of_test(outcome: ToldApart) -> Iterator[Measure]:
    spread = (
        "" if outcome.precision.spread is None else f", standard deviation over raters {outcome.precision.spread:.2f}"
    )
    yield Measure("precision", f"share of right answers; 0.5 is chance{spread}", outcome.precision.estimate)
    for method, mean in outcome.of_system.items():
        yield Measure(f"{method} known", "share of its pictures that were called its own", mean.estimate)


def _verdict(outcome: ToldApart) -> str:
    """The test against chance in words; that nothing was shown is not that nothing is there."""
    if outcome.p_value is None:
        return "no test against chance: two or more raters of different precision are needed"
    estimate = outcome.precision.estimate
    told = "can" if outcome.p_value < 1 - CONFIDENCE and estimate.mean > 0.5 else "were not shown to"
    p_value = "p < 0.0001" if outcome.p_value < 1e-4 else f"p = {outcome.p_value:.4f}"
    return (
        f"raters {told} tell the systems apart ({p_value}, Student's test over {len(outcome.raters)} raters against "
        f"0.5); a precision from {estimate.low:.2f} to {estimate.high:.2f} is what these answers allow"
    )


def _few(counted: Sequence[Answer]) -> Iterator[str]:
    if len({answer.rater for answer in counted}) == 1:
        yield "a single rater: the intervals say nothing of other people"
    if len({answer.task for answer in counted}) == 1:
        yield "a single group or picture: the intervals say nothing of other pictures"


def _made(key: Key) -> dict[str, Any]:
    """How the study was made, without what is its own subject."""
    made: dict[str, Any] = json.loads(json.dumps(dict(key.made)))
    return {name: value for name, value in made.items() if name not in ("folders", "pictures_hash", "title")}


def _plus_minus(mean: CrossedMean) -> str:
    return f"{mean.estimate.mean:.2f}" + ("" if mean.spread is None else f" ± {mean.spread:.2f}")

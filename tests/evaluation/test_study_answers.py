"""Lines of answers: what fits the study, and what becomes of lines that come twice, late, damaged or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from studies import METHODS, line_of, ranked_lines, ranking_study, two_way_study, write_lines

from zeroconv.errors import UserError
from zeroconv.evaluation.study.answers import read_answer, read_answers
from zeroconv.evaluation.study.key import Key


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return ranking_study(tmp_path_factory.mktemp("study")).key


def good(key: Key) -> dict[str, Any]:
    return ranked_lines(key, "1", lambda *_: METHODS)[0]


def test_a_good_line_is_read_back(key: Key) -> None:
    line = good(key)
    answer = read_answer(json.dumps(line), key)
    assert answer.ranks == line["answer"] and answer.order == tuple(line["order"])
    assert answer.place == ("1", line["task"], line["question"]) and answer.seconds == 2.5


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"study": "other"}, "expected an answer to study"),
    ({"rater": ""}, "expected rater to be a name of at most 40 letters"),
    ({"rater": "<script>"}, "expected rater to be a name"),
    ({"rater": 7}, "expected rater to be a name"),
    ({"session": "x" * 41}, "expected session to be a name"),
    ({"task": "nowhere"}, "the study has no task 'nowhere'"),
    ({"question": "qualty"}, "the study has no question 'qualty'; did you mean 'quality'"),
    ({"order": ["a"]}, "expected order to hold its 3 pictures"),
    ({"order": [["a"]]}, "expected order to hold its 3 pictures"),
    ({"number": True}, "expected a whole number from 0 as number"),
    ({"seconds": -1}, "expected seconds of 0 or more"),
    ({"seconds": float("nan")}, "expected seconds of 0 or more"),
    ({"answer": "A"}, "expected a rank for each of its 3 pictures"),
    ({"answer": {}}, "expected a rank for each of its 3 pictures"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG)
def test_a_wrong_line_is_refused_in_one_sentence(key: Key, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence.replace("[", r"\[")):
        read_answer(json.dumps({**good(key), **change}), key)


@pytest.mark.parametrize("text", ["", "{cut", "[]", "7", "[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(key: Key, text: str | bytes) -> None:
    with pytest.raises(UserError, match="expected a JSON object a line"):
        read_answer(text, key)


def test_ties_are_refused_unless_the_study_has_them(key: Key, tmp_path: Path) -> None:
    tied = dict.fromkeys(good(key)["answer"], 2)
    with pytest.raises(UserError, match="expected ranks that differ"):
        read_answer(json.dumps({**good(key), "answer": tied}), key)
    other = ranking_study(tmp_path, ties=True).key
    tied = dict.fromkeys(good(other)["answer"], 2)
    assert read_answer(json.dumps({**good(other), "answer": tied}), other).ranks == tied
    for rank in (0, 4, 1.0, True):
        with pytest.raises(UserError, match="expected ranks from 1 to 3"):
            read_answer(json.dumps({**good(other), "answer": dict.fromkeys(tied, rank)}), other)


def test_the_two_way_test_takes_a_and_b(tmp_path: Path) -> None:
    key = two_way_study(tmp_path).key
    task = next(iter(key.tasks))
    assert read_answer(json.dumps(line_of(key, "1", 0, task, "system", "B")), key).system == "B"
    for answer in ("C", None, ["A"]):
        with pytest.raises(UserError, match="expected A or B as answer"):
            read_answer(json.dumps(line_of(key, "1", 0, task, "system", answer)), key)


def test_a_complete_rater_needs_no_remark(key: Key, tmp_path: Path) -> None:
    answers = read_answers([write_lines(tmp_path / "a.jsonl", ranked_lines(key, "1", lambda *_: METHODS))], key)
    assert len(answers.counted) == 8 and answers.remarks == ()


def test_lines_that_came_twice_count_once_and_are_told(key: Key, tmp_path: Path) -> None:
    lines = ranked_lines(key, "1", lambda *_: METHODS)
    served, downloaded = write_lines(tmp_path / "a.jsonl", lines[:6]), write_lines(tmp_path / "b.jsonl", lines)
    answers = read_answers([served, downloaded], key)
    assert len(answers.counted) == 8 and answers.remarks == ("6 lines came more than once and count once",)


def test_a_correction_replaces_the_answer_and_is_told(key: Key, tmp_path: Path) -> None:
    lines = ranked_lines(key, "1", lambda *_: METHODS)
    corrected = ranked_lines(key, "1", lambda *_: METHODS[::-1])[2]
    answers = read_answers([write_lines(tmp_path / "a.jsonl", [{**corrected, "number": 8}, *lines])], key)
    assert len(answers.counted) == 8 and "rater 1 corrected 1 answers" in answers.remarks[0]
    assert next(a for a in answers.counted if a.number == 8).ranks == corrected["answer"]


def test_of_two_sittings_of_one_name_the_first_counts(key: Key, tmp_path: Path) -> None:
    first = ranked_lines(key, "ann", lambda *_: METHODS)[:5]
    second = [
        {**line, "session": "later", "at": "2026-01-02T00:00:00Z"}
        for line in ranked_lines(key, "ann", lambda *_: METHODS[::-1])
    ]
    answers = read_answers([write_lines(tmp_path / "a.jsonl", [*second, *first])], key)
    assert len(answers.counted) == 8 and sum(answer.session == "later" for answer in answers.counted) == 3
    assert "rater ann sat down more than once" in answers.remarks[0] and "5 later answers" in answers.remarks[0]


def test_what_is_damaged_missing_or_contradicts_itself_is_told(key: Key, tmp_path: Path) -> None:
    lines = ranked_lines(key, "1", lambda *_: METHODS)[:3]
    changed = {**lines[1], "answer": dict(zip(lines[1]["answer"], (2, 3, 1), strict=True)), "seconds": 9}
    file = write_lines(tmp_path / "a.jsonl", [*lines, changed])
    file.write_text(file.read_text() + '{"study": "cut sh')
    answers = read_answers([file], key)
    assert len(answers.counted) == 3 and len(answers.remarks) == 3
    assert "line 4 does not count: answer 1 of rater 1 came before with other contents" in answers.remarks[0]
    assert "a.jsonl, line 5 does not count: expected a JSON object" in answers.remarks[1]
    assert answers.remarks[2] == "rater 1 is incomplete: 3 of 8 answers, which count"
    with pytest.raises(UserError, match="no file"):
        read_answers([tmp_path / "nowhere.jsonl"], key)
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(UserError, match="is no text file"):
        read_answers([tmp_path / "binary"], key)

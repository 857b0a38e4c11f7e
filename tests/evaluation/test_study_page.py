"""The page in a real browser: ranked by keyboard and by click, reloaded, downloaded, served."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from studies import ranking_study, two_way_study, written
from webdriver import BACKSPACE, ENTER, ESCAPE, LEFT, RIGHT, Browser, browser, missing

from zeroconv.evaluation.study.answers import read_answers
from zeroconv.evaluation.study.key import PAGE
from zeroconv.evaluation.study.page import served
from zeroconv.evaluation.study.server import AnswerFile, StudyServer

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"needs a browser: {missing()}")


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def window(one_browser: Browser) -> Browser:
    one_browser.look(1280, 900)
    for file in one_browser.downloads.iterdir():
        file.unlink()
    return one_browser


def begin(window: Browser, url: str, rater: str) -> None:
    """Opens the page afresh as this rater."""
    window.open("about:blank")  # else another #rater of the same page would not load it anew
    window.open(f"{url}#rater={rater}")
    window.wait("return document.querySelector('#rater')?.value")
    window.press(ENTER)


def pressed(window: Browser) -> list[str]:
    """The ranks that are shown as given, card by card."""
    found: list[str] = window.run(
        "return [...document.querySelectorAll('.card')]"
        ".map((card) => [...card.querySelectorAll('[aria-pressed=true]')].map((one) => one.textContent).join())"
    )
    return found


def test_all_groups_by_keyboard_then_the_download_has_every_answer(window: Browser, tmp_path: Path) -> None:
    study = ranking_study(tmp_path / "made", groups=3)
    folder = written(study, tmp_path / "study")
    begin(window, (folder / PAGE).as_uri(), "2")
    for screen in range(6):
        assert window.text("#where") == f"Group {screen // 2 + 1} of 3, question {screen % 2 + 1} of 2"
        assert (screen % 2 == 1) == ("scene 000" in window.text("main"))
        window.press("2", "3", "1", ENTER)
    assert "Thank you" in window.text("main") and "6 answers given by rater 2" in window.text("main")
    window.click("button", "Download the answers")
    answers = read_answers([window.downloaded("answers-*-2.jsonl")], study.key)
    assert len(answers.counted) == 6 and answers.remarks == ()
    for answer in answers.counted:
        assert [answer.ranks[item] for item in answer.order] == [2, 3, 1]
    plan = study.shown["plans"][1]
    shown = [tuple(study.shown["tasks"][task]["items"][at] for at in order) for task, order in plan for _ in range(2)]
    assert [answer.order for answer in sorted(answers.counted, key=lambda answer: answer.number)] == shown


def test_clicks_refuse_ties_and_what_is_missing_and_a_reload_keeps_all(window: Browser, tmp_path: Path) -> None:
    study = ranking_study(tmp_path / "made", groups=1)
    url = (written(study, tmp_path / "study") / PAGE).as_uri()
    begin(window, url, "ann")
    window.click(".card:nth-child(1) button", "3")
    window.click(".card:nth-child(2) button", "3")
    assert pressed(window) == ["", "3", ""] and "picture A needs another" in window.text("#message")
    window.click("footer button", "Next")
    assert "Pictures A, C have no rank yet." in window.text("#message") and "question 1" in window.text("#where")
    window.click(".card:nth-child(1) button", "1")
    window.reload()
    assert pressed(window) == ["1", "3", ""]
    window.click(".card:nth-child(3) button", "2")
    window.click("footer button", "Next")
    assert "question 2" in window.text("#where")
    window.press("1", "2", "3", BACKSPACE)
    assert pressed(window) == ["1", "3", "2"]
    window.press(ENTER)
    window.reload()
    assert pressed(window) == ["1", "2", "3"]
    window.press(ENTER)
    window.reload()
    assert "Thank you" in window.text("main")
    window.click("button", "Go back and look again")
    window.click(".card:nth-child(1) button", "2")
    window.click(".card:nth-child(2) button", "1")
    window.click("footer button", "Next")
    window.click("button", "Next rater at this device")
    window.wait("return document.querySelector('#rater')")
    begin(window, url, "bob")
    window.press("1", "2", "3", ENTER, "1", "2", "3", ENTER)
    window.click("button", "Download the answers")
    answers = read_answers([window.downloaded("answers-*-bob.jsonl")], study.key)
    assert len(answers.counted) == 4 and answers.remarks == ("rater ann corrected 1 answers; the last of each counts",)
    last = next(answer for answer in answers.counted if answer.rater == "ann" and answer.question == "fidelity")
    assert [last.ranks[item] for item in last.order] == [2, 1, 3]


def test_the_page_asks_nothing_of_the_network_and_runs_no_code_of_a_prompt(window: Browser, tmp_path: Path) -> None:
    folder = written(ranking_study(tmp_path / "made", groups=1), tmp_path / "study")
    begin(window, (folder / PAGE).as_uri(), "1")
    window.press("1", "2", "3", ENTER)
    assert "scene 0000 </script>" in window.text("main")
    assert (
        window.run("return performance.getEntriesByType('resource').filter((one) => !one.name.startsWith('data:'))")
        == []
    )


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_window(window: Browser, tmp_path: Path, width: int) -> None:
    study = ranking_study(tmp_path / "made", groups=1, methods=("a", "b", "c", "d", "e"))
    begin(window, (written(study, tmp_path / "study") / PAGE).as_uri(), "1")
    window.look(width, 700)
    window.press("1", "2", "3", "4", "5", ENTER)
    assert window.run("return document.documentElement.scrollWidth") <= width
    smallest = window.run(
        "return Math.min(...[...document.querySelectorAll('.ranks button')].map((one) => one.offsetWidth))"
    )
    assert smallest >= 24  # pixels: the least target of WCAG 2.2


def test_a_picture_is_enlarged_by_click_and_by_key(window: Browser, tmp_path: Path) -> None:
    study = ranking_study(tmp_path / "made", groups=1)
    begin(window, (written(study, tmp_path / "study") / PAGE).as_uri(), "1")
    window.click(".card:nth-child(2) .picture")
    window.wait("return document.getElementById('large').open")
    window.press("3")
    assert not window.run("return document.getElementById('large').open") and pressed(window) == ["", "", ""]
    window.press(RIGHT, " ")
    assert window.run("return document.getElementById('large').open")
    window.press(ESCAPE, "1")
    assert "1" in pressed(window)


def test_the_server_receives_what_is_answered_also_after_it_was_away(window: Browser, tmp_path: Path) -> None:
    study = ranking_study(tmp_path / "made", groups=1)
    folder = written(study, tmp_path / "study")
    answers, page = folder / "answers.jsonl", served((folder / PAGE).read_text("utf-8"))

    def serving(port: int) -> tuple[StudyServer, threading.Thread]:
        server = StudyServer(("127.0.0.1", port), page, AnswerFile(answers, study.key))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        return server, thread

    def stop(server: StudyServer, thread: threading.Thread) -> None:
        server.shutdown()
        thread.join()
        server.server_close()

    server, thread = serving(0)
    port = server.server_address[1]
    window.open(server.url)
    window.wait("return document.querySelector('#rater')?.value === '1'")  # the number that the server gave
    window.press(ENTER, "1", "2", "3", ENTER)
    window.wait("return store.waiting === 0")
    assert json.loads(answers.read_text())["rater"] == "1"
    stop(server, thread)
    window.press("3", "2", "1", ENTER)
    window.wait("return document.getElementById('sent')?.innerText.startsWith('1 answers have not reached')")
    server, thread = serving(int(port))
    try:
        window.wait("return document.getElementById('sent').innerText.startsWith('All your answers have reached')")
        found = read_answers([answers], study.key)
        assert len(found.counted) == 2 and not [remark for remark in found.remarks if "incomplete" in remark]
    finally:
        window.open("about:blank")
        stop(server, thread)


def test_the_two_way_test_teaches_and_takes_keys_and_clicks(window: Browser, tmp_path: Path) -> None:
    study = two_way_study(tmp_path / "made", teaching=2, pictures=4)
    begin(window, (written(study, tmp_path / "study") / PAGE).as_uri(), "1")
    assert window.run("return document.querySelectorAll('.gallery img').length") == 4
    window.click("button", "Start the test")
    assert window.text("#where") == "Picture 1 of 4"
    window.press("a", RIGHT)
    window.click("button", "System B")
    window.press(BACKSPACE)
    assert window.run("return document.querySelector('[aria-pressed=true]').textContent") == "System B"
    window.click("button", "Learn again")
    window.click("button", "Back to the test")
    window.press(LEFT, "2")
    window.click("button", "Download the answers")
    answers = read_answers([window.downloaded("answers-*-1.jsonl")], study.key)
    assert [answer.system for answer in sorted(answers.counted, key=lambda a: a.number)] == ["A", "B", "A", "B"]
    assert len(answers.counted) == 4 and "corrected 1" in answers.remarks[0]

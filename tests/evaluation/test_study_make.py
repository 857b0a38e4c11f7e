"""A study from folders: what the page shows, what only the key knows, and what is refused."""

import base64
import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin
from studies import METHODS, SECRET, ranking_study, two_way_study, write_pictures, written

from zeroconv.errors import UserError
from zeroconv.evaluation.study.key import read_key
from zeroconv.evaluation.study.make import Settings, make_study
from zeroconv.evaluation.study.page import page, served
from zeroconv.evaluation.study.pictures import Encoding


def shown_on(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="study">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    shown: dict[str, object] = json.loads(found[1])
    return shown


def test_the_page_holds_all_it_needs_and_nothing_of_the_key(tmp_path: Path) -> None:
    study = ranking_study(tmp_path)
    text = page(study.shown)
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", text) and "@import" not in text and "http:" not in text
    assert text.count("<script") == 2 and text.count("</script>") == 2  # the prompt's own is no tag
    shown = shown_on(text)
    assert shown["tasks"][0]["prompt"] == "scene 0000 </script>"  # type: ignore[index]
    for secret in (*METHODS, SECRET, str(tmp_path), "0000.png", study.key.made["pictures_hash"]):
        assert secret not in text
    assert set(shown["images"]) == {  # type: ignore[call-overload]
        item
        for task in shown["tasks"]
        for item in (*task["items"], task["guide"])  # type: ignore[attr-defined]
    }


def test_the_key_tells_every_picture_s_method(tmp_path: Path) -> None:
    study = ranking_study(tmp_path)
    for about in study.shown["tasks"]:
        task = study.key.tasks[about["id"]]
        for item in about["items"]:
            data = base64.b64decode(study.shown["images"][item].partition(",")[2])
            with (
                Image.open(io.BytesIO(data)) as image,
                Image.open(tmp_path / task.items[item] / f"{task.stimulus}.png") as own,
            ):
                assert image.getpixel((0, 0)) == own.getpixel((0, 0))


def test_the_order_of_the_page_does_not_tell_the_method(tmp_path: Path) -> None:
    study = ranking_study(tmp_path, groups=12)
    firsts = Counter(study.key.tasks[about["id"]].items[about["items"][0]] for about in study.shown["tasks"])
    assert set(firsts) == set(METHODS)
    for plan in study.shown["plans"]:
        stands = Counter()
        for task, order in plan:
            about = study.shown["tasks"][task]
            for place, at in enumerate(order):
                stands[place, study.key.tasks[about["id"]].items[about["items"][at]]] += 1
        assert set(stands.values()) == {4}  # by method, not only by index: each in each place


def test_another_secret_gives_other_names_in_the_same_orders(tmp_path: Path) -> None:
    folders = write_pictures(tmp_path, ["a", "b", "c"])
    one, two = (make_study(folders, Settings(), secret=secret) for secret in ("one", "two"))
    assert not set(one.shown["images"]) & set(two.shown["images"]) and one.key.study != two.key.study
    drawn = make_study(folders, Settings()).key, make_study(folders, Settings()).key
    assert drawn[0].study != drawn[1].study


def test_the_key_comes_back_from_its_file(tmp_path: Path) -> None:
    for study in (ranking_study(tmp_path / "a"), two_way_study(tmp_path / "b")):
        assert read_key(written(study, tmp_path / study.key.test)) == study.key
    (tmp_path / "ranking" / "key.json").write_text("{cut")
    with pytest.raises(UserError, match=r"key\.json is damaged"):
        read_key(tmp_path / "ranking")
    with pytest.raises(UserError, match="holds no study"):
        read_key(tmp_path)


def test_without_conditions_only_quality_is_asked(tmp_path: Path) -> None:
    study = make_study(write_pictures(tmp_path, ["a", "b"]), Settings())
    assert study.key.questions == ("quality",) and "guide" not in study.shown["tasks"][0]


def test_the_two_way_test_teaches_and_asks_different_pictures_half_of_each(tmp_path: Path) -> None:
    study = two_way_study(tmp_path, teaching=3, pictures=8)
    made = Counter(method for task in study.key.tasks.values() for method in task.items.values())
    assert made == {"controlnet": 4, "lite": 4} and set(study.key.systems.values()) == {"controlnet", "lite"}
    taught = [item for items in study.shown["teaching"].values() for item in items]
    asked = [item for about in study.shown["tasks"] for item in about["items"]]
    assert len(taught) == 6 and len(asked) == 8 and not set(taught) & set(asked)
    assert len({task.stimulus for task in study.key.tasks.values()}) == 8


def test_pictures_lose_their_metadata_and_get_one_size(tmp_path: Path) -> None:
    about = PngImagePlugin.PngInfo()
    about.add_text("parameters", "made by controlnet")
    Image.new("RGB", (40, 20), "red").save(tmp_path / "a.png", pnginfo=about)
    for encoding, kind in ((Encoding("png", 10), "PNG"), (Encoding("jpeg", 10), "JPEG")):
        data = base64.b64decode(encoding.data(tmp_path / "a.png").partition(",")[2])
        assert b"controlnet" not in data
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == kind and image.size == (10, 5)


def test_a_run_of_generate_gives_its_pictures_alone(tmp_path: Path) -> None:
    folders = write_pictures(tmp_path, ["0000", "sheet", "control-canny"])
    for folder in folders.values():
        (folder / "run.json").write_text("{}")
    assert [task.stimulus for task in make_study(folders, Settings()).key.tasks.values()] == ["0000"]


def test_the_server_s_page_differs_in_one_word_alone(tmp_path: Path) -> None:
    text = page(two_way_study(tmp_path).shown)
    assert served(text).replace(' data-served="yes"', "") == text != served(text)


def test_what_makes_no_study_is_said(tmp_path: Path) -> None:
    folders = write_pictures(tmp_path, ["a", "b"])
    with pytest.raises(UserError, match=r"takes 2 to 9 --method NAME=DIR, got 1"):
        make_study({"one": folders["lite"]}, Settings())
    with pytest.raises(UserError, match="two-way test takes two --method NAME=DIR, got 3"):
        make_study(folders, Settings(test="two-way"))
    two = {method: folders[method] for method in METHODS[:2]}
    with pytest.raises(UserError, match=r"need 300 shared names, the folders have 2"):
        make_study(two, Settings(test="two-way"))
    with pytest.raises(UserError, match="is no folder"):
        make_study({**two, "x": tmp_path / "nowhere"}, Settings())
    other = write_pictures(tmp_path, ["c"], ["other"])
    with pytest.raises(UserError, match="no file name is in all folders"):
        make_study({**two, **other}, Settings())
    (tmp_path / "lite" / "a.jpg").write_bytes((tmp_path / "lite" / "a.png").read_bytes())
    with pytest.raises(UserError, match=r"holds a\.jpg and a\.png; expected one picture a name"):
        make_study(two, Settings())
    with pytest.raises(UserError, match="--pictures must be even"):
        Settings(pictures=5)
    with pytest.raises(UserError, match="--groups must be 1 or more, got 0"):
        Settings(groups=0)

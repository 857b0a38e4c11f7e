"""What `zeroconv annotate` writes."""

import json
from pathlib import Path

import numpy as np
from commandline import Capture, complaint
from PIL import Image

from zeroconv import conditions
from zeroconv.cli import main
from zeroconv.images import read_image


def test_annotate_with_its_options(photo: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "new" / "edges.png"
    assert main(["annotate", "canny", str(photo), "--out", str(out), "--low", "400", "--high", "800"]) == 0
    expected = conditions.Canny(400, 800)(np.asarray(read_image(photo)))
    assert np.array_equal(np.asarray(read_image(out)), expected)
    assert capsys.readouterr().out.strip() == str(out)


def test_annotate_never_overwrites_its_picture(photo: Path, capsys: Capture) -> None:
    before = photo.read_bytes()
    assert main(["annotate", "canny", str(photo), "--out", str(photo)]) == 2
    assert "would overwrite the picture" in complaint(capsys)
    assert photo.read_bytes() == before


def test_annotate_warns_of_an_empty_result(tmp_path: Path, capsys: Capture) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "flat.png")
    assert main(["annotate", "canny", str(tmp_path / "flat.png"), "--out", str(tmp_path / "e.png")]) == 0
    assert "zeroconv: warning: the canny image is empty" in capsys.readouterr().err


def test_annotate_has_a_flag_with_help_for_every_option(capsys: Capture) -> None:
    assert main(["annotate", "canny", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--low INT Gradient" in text and "(default: 100)" in text and "--high INT" in text


def test_annotate_draws_a_file_of_poses(tmp_path: Path, capsys: Capture) -> None:
    body = [number for k in range(18) for number in (20 + 7 * k, 30 + 5 * (k % 6), 1)]
    poses, out = tmp_path / "poses.json", tmp_path / "pose.png"
    poses.write_text(json.dumps({"people": [{"pose_keypoints_2d": body}]}))
    assert main(["annotate", "pose", str(poses), "--out", str(out)]) == 2
    assert "give --size WIDTHxHEIGHT" in complaint(capsys)
    assert main(["annotate", "pose", str(poses), "--out", str(out), "--size", "200x100"]) == 0
    assert read_image(out).size == (200, 100) and np.asarray(read_image(out)).any()


def test_annotate_writes_poses_to_be_edited(photo: Path, tmp_path: Path, capsys: Capture) -> None:
    body = [float(number) for k in range(18) for number in (2 + k, 3 + k, 1)]
    known, out = tmp_path / "known.json", tmp_path / "new" / "found.json"
    known.write_text(json.dumps({"people": [{"pose_keypoints_2d": body}]}))
    assert main(["annotate", "pose", str(photo), "--out", str(out), "--keypoints", str(known)]) == 0
    assert json.loads(out.read_text())["people"][0]["pose_keypoints_2d"] == body
    assert main(["annotate", "canny", str(photo), "--out", str(out)]) == 2
    assert "--out must end in .png" in complaint(capsys)


def test_annotate_reads_a_depth_map_at_its_own_precision(tmp_path: Path) -> None:
    Image.fromarray(np.array([[1000, 1001, 1002]], np.uint16)).save(tmp_path / "map.png")
    out = tmp_path / "depth.png"
    assert main(["annotate", "depth", str(tmp_path / "map.png"), "--method", "algorithm", "--out", str(out)]) == 0
    assert np.asarray(read_image(out))[0, :, 0].tolist() == [0, 128, 255]

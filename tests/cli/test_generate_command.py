"""What `zeroconv generate` writes, keeps and repeats."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from commandline import Capture, Make, complaint
from PIL import Image
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler

from helpers_generate import largest_difference, write_controlnet, write_drawing
from zeroconv import number_types
from zeroconv.base import load_base
from zeroconv.cli import main
from zeroconv.images import read_image


def read_run(folder: Path) -> dict[str, object]:
    return json.loads((folder / "run.json").read_text("utf-8"))


def test_generate_writes_what_it_promises(make: Make, photo: Path, tmp_path: Path, capsys: Capture) -> None:
    assert make("--seed", "3", "--num-images", "2", "--negative", "blur", "--guidance", "5") == 0
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "0000.png",
        "0001.png",
        "control-canny.png",
        "run.json",
        "sheet.png",
    ]
    made = read_run(out)
    assert (made["schema"], made["prompt"], made["negative"], made["seeds"]) == (1, "a house", "blur", [3, 4])
    assert (made["steps"], made["guidance"], made["scheduler"], made["fit"]) == (2, 5.0, "ddim", "crop")
    assert made["size"] == [64, 64] == list(read_image(out / "0000.png").size)
    assert [output["seed"] for output in made["outputs"]] == [3, 4]
    assert made["controls"][0]["options"] == {"low": 100, "high": 200}
    assert len(made["controls"][0]["checkpoint_sha256"]) == len(made["controls"][0]["image_sha256"]) == 64
    assert made["base"]["fingerprint"] == load_base(made_base(made, out)).fingerprint()
    assert {"python", "torch", "diffusers", "zeroconv"} <= made["versions"].keys()
    assert made["timings"]["sample_seconds"] > 0
    said = capsys.readouterr().out
    assert "size 64x64: the input's shape (80x60)" in said
    assert str(out / "sheet.png") in said and str(out / "0001.png") in said


@pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")
def test_speed_is_said_and_recorded(make: Make, tmp_path: Path, capsys: Capture) -> None:
    assert make("--speed", "fast", "--steps", "8") == 0
    made = read_run(tmp_path / "out")
    assert (made["speed"], made["steps"], made["scheduler"]) == ("fast", 8, "unipc")
    assert "speed fast: 4 steps of unipc" in capsys.readouterr().out


def made_base(made: dict[str, object], out: Path) -> Path:
    return out / made["base"]["name"]


def test_the_written_condition_is_what_annotate_makes(make: Make, tmp_path: Path) -> None:
    assert make("--size", "64x64", "--fit", "stretch") == 0
    stretched = read_image(tmp_path / "photo.png").resize((64, 64), Image.Resampling.LANCZOS)
    stretched.save(tmp_path / "small.png")
    assert main(["annotate", "canny", str(tmp_path / "small.png"), "--out", str(tmp_path / "edges.png")]) == 0
    assert (
        largest_difference(read_image(tmp_path / "out" / "control-canny.png"), read_image(tmp_path / "edges.png")) == 0
    )


def test_a_run_repeats_from_its_record_and_from_its_picture(make: Make, tmp_path: Path, capsys: Capture) -> None:
    assert make("--seed", "3", "--num-images", "2", "--scheduler", "unipc") == 0
    first = tmp_path / "out"
    assert main(["generate", "--request", str(first / "run.json"), "--out", str(tmp_path / "again")]) == 0
    assert main(["generate", "--request", str(first / "0001.png"), "--out", str(tmp_path / "one")]) == 0
    assert "warning" not in capsys.readouterr().err
    for name in ("0000.png", "0001.png"):
        assert largest_difference(read_image(first / name), read_image(tmp_path / "again" / name)) <= 1
    assert largest_difference(read_image(first / "0001.png"), read_image(tmp_path / "one" / "0000.png")) <= 1
    assert {**read_run(first), "timings": 0, "created": 0, "outputs": 0} == {
        **read_run(tmp_path / "again"),
        "timings": 0,
        "created": 0,
        "outputs": 0,
    }


def test_flags_beside_a_request_override_it(make: Make, tmp_path: Path, sd15_folder: Path) -> None:
    assert make("--num-images", "2") == 0
    request = str(tmp_path / "out" / "run.json")
    flags = ["--prompt", "a red house", "--seed", "8", "--steps", "1", "--size", "64x128", "--scheduler", "euler"]
    assert main(["generate", "--request", request, "--out", str(tmp_path / "more"), *flags]) == 0
    made = read_run(tmp_path / "more")
    assert (made["prompt"], made["seeds"], made["steps"], made["size"]) == ("a red house", [8, 9], 1, [64, 128])
    assert made["scheduler"] == "euler"
    assert made["controls"][0]["condition"] == "canny", "what was not overridden stays"


def test_a_repeated_run_with_changed_parts_warns(make: Make, photo: Path, tmp_path: Path, capsys: Capture) -> None:
    assert make() == 0
    made = read_run(tmp_path / "out")
    made["base"]["fingerprint"] = "other"
    made["controls"][0]["checkpoint_sha256"] = "other"
    (tmp_path / "out" / "run.json").write_text(json.dumps(made))
    photo.write_bytes(photo.read_bytes() + b" ")
    assert main(["generate", "--request", str(tmp_path / "out" / "run.json"), "--out", str(tmp_path / "again")]) == 0
    warned = capsys.readouterr().err
    for what in ("photo.png is not the file", "is not the one of the recorded run", "is not the ControlNet"):
        assert what in warned


def test_several_controls_are_numbered(make: Make, photo: Path, canny: Path, tmp_path: Path) -> None:
    assert make("--control", f"canny={photo},checkpoint={canny},low=50,strength=0.5") == 0
    assert (tmp_path / "out" / "control-canny-2.png").is_file()
    assert read_run(tmp_path / "out")["controls"][1]["options"] == {"low": 50, "high": 200}


def test_strengths_and_seeds_of_each_picture(make: Make, photo: Path, canny: Path, tmp_path: Path) -> None:
    assert make("--seed", "7/7", control=f"canny={photo},checkpoint={canny},strength=0/2") == 0
    made = read_run(tmp_path / "out")
    assert (made["seeds"], made["controls"][0]["strength"]) == ([7, 7], [0.0, 2.0])
    first, second = (read_image(tmp_path / "out" / name) for name in ("0000.png", "0001.png"))
    assert largest_difference(first, second) > 1
    assert main(["generate", "--request", str(tmp_path / "out" / "0001.png"), "--out", str(tmp_path / "one")]) == 0
    assert largest_difference(second, read_image(tmp_path / "one" / "0000.png")) <= 1


def test_poses_in_json_control_a_picture(make: Make, sd15_folder: Path, tmp_path: Path) -> None:
    net = write_controlnet(load_base(sd15_folder), tmp_path / "pose", "pose")
    poses = tmp_path / "poses.json"
    body = [[32.0, 12.0 + 4 * joint, 1.0] for joint in range(18)]
    people = [{"pose_keypoints_2d": [value for joint in body for value in joint]}]
    poses.write_text(json.dumps({"people": people, "canvas_height": 96, "canvas_width": 64}), "utf-8")
    assert make(control=f"pose={poses},checkpoint={net}") == 0
    assert (tmp_path / "out" / "control-pose.png").is_file()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_depth_map_controls_a_picture(make: Make, sd15_folder: Path, tmp_path: Path, suffix: str) -> None:
    net = write_controlnet(load_base(sd15_folder), tmp_path / "depth", "depth")
    values = np.linspace(0, 1, 64 * 96, dtype=np.float32).reshape(96, 64)
    file = tmp_path / f"depth{suffix}"
    (np.save if suffix == ".npy" else np.savez)(file, values)
    assert make(control=f"depth={file},method=algorithm,checkpoint={net}") == 0
    drawn = np.asarray(read_image(tmp_path / "out" / "control-depth.png").convert("L"), dtype=int)
    assert drawn[0].max() < 10 and drawn[-1].min() > 245


def test_a_report_lies_beside_the_pictures(make: Make, photo: Path, canny: Path, tmp_path: Path) -> None:
    assert make("--report", "--control", f"canny={photo},checkpoint={canny},low=50") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert len(report["controls"]) == 2 and len(report["pairs"]) == 1
    assert (tmp_path / "out" / "report.png").is_file()


def test_without_control_and_with_an_empty_prompt(make: Make, tmp_path: Path) -> None:
    assert make(control=None, prompt="") == 0
    assert (tmp_path / "out" / "0000.png").is_file()


def test_pictures_may_be_made_again_in_the_same_folder(make: Make, tmp_path: Path) -> None:
    assert make() == 0 and make("--seed", "1") == 0
    assert read_run(tmp_path / "out")["seeds"] == [1]


@pytest.mark.parametrize("name", ["0000.png", "control-canny.png", "sheet.png"])
def test_inputs_are_never_overwritten(make: Make, canny: Path, tmp_path: Path, capsys: Capture, name: str) -> None:
    (tmp_path / "out").mkdir()
    drawing = write_drawing(tmp_path / "out" / name)
    before = drawing.read_bytes()
    assert make(control=f"canny={drawing},ready=yes,checkpoint={canny}") == 2
    assert "is an input of this run and would be overwritten" in complaint(capsys)
    assert drawing.read_bytes() == before


def test_inputs_of_the_run_in_the_folder_are_kept(make: Make, canny: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "out").mkdir()
    drawing = write_drawing(tmp_path / "out" / "0001.png")
    assert make(control=f"canny={drawing},ready=yes,checkpoint={canny}") == 0
    assert make("--num-images", "2") == 2
    assert "is an input of the run recorded in" in complaint(capsys)


def test_a_request_picture_is_not_overwritten(make: Make, tmp_path: Path, capsys: Capture) -> None:
    assert make("--num-images", "2") == 0
    out = tmp_path / "out"
    before = (out / "0000.png").read_bytes()
    assert main(["generate", "--request", str(out / "0000.png"), "--out", str(out), "--seed", "9"]) == 2
    assert "would be overwritten" in complaint(capsys)
    assert (out / "0000.png").read_bytes() == before


def test_stopping_keeps_what_is_finished(
    make: Make, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zeroconv.generate.run_folder import RunFolder

    add = RunFolder.add

    def add_one_and_stop(folder: RunFolder, image: Image.Image) -> None:
        add(folder, image)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "add", add_one_and_stop)
    assert make("--num-images", "3") == 130
    assert capsys.readouterr().err.endswith("zeroconv: stopped\n")
    assert [output["file"] for output in read_run(tmp_path / "out")["outputs"]] == ["0000.png"]


def test_odd_sizes_and_long_prompts_are_said(make: Make, capsys: Capture) -> None:
    assert make("--size", "65x70", control=None, prompt="house " * 40) == 0
    error = capsys.readouterr().err
    assert "zeroconv: warning: the size 65x70 was rounded to 64x64" in error
    assert error.count("its end is not seen") == 1


def test_a_failed_run_leaves_no_empty_folder(make: Make, tmp_path: Path, capsys: Capture) -> None:
    assert make("--base", "tinny") == 2
    assert "tinny" in complaint(capsys)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    assert make("--base", "tinny") == 2
    assert (tmp_path / "out").is_dir(), "what was there stays"


def test_trouble_with_files_is_one_sentence(make: Make, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "out").write_text("a file")
    assert make() == 2
    assert "out is a file; expected a folder" in complaint(capsys)
    (tmp_path / "out").unlink()
    assert make("--out", str(tmp_path / "photo.png" / "out")) == 2
    assert "Not a directory" in complaint(capsys)


def test_the_number_type_in_force_is_recorded_and_asked_for_again(
    make: Make, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(number_types, "_multiplies_bfloat16", lambda device: True)
    assert make() == 0
    monkeypatch.setattr(number_types, "_multiplies_bfloat16", lambda device: False)  # another machine
    again = ["generate", "--request", str(tmp_path / "out" / "run.json"), "--out"]
    assert main([*again, str(tmp_path / "again")]) == 0
    assert read_run(tmp_path / "out")["dtype"] == read_run(tmp_path / "again")["dtype"] == "bfloat16"
    pair = [read_image(tmp_path / name / "0000.png") for name in ("out", "again")]
    assert largest_difference(*pair) <= 1
    assert main([*again, str(tmp_path / "auto"), "--dtype", "auto"]) == 0
    assert read_run(tmp_path / "auto")["dtype"] == "float32"
    assert "warning" not in capsys.readouterr().err, "the base is the same in either number type"


def test_compiling_is_asked_of_every_network_and_told_where_it_cannot_be(
    make: Make, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.nn.Module] = []
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", lambda: "g++")
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: seen.append(self))
    assert make("--compile") == 0
    assert len(seen) > 50 and "compile" not in read_run(tmp_path / "out"), "another machine may do without"

    def missing() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", missing)
    assert make("--compile", "--out", str(tmp_path / "other")) == 2
    assert "--compile needs a C++ compiler" in complaint(capsys) and not (tmp_path / "other").exists()


def test_low_memory_makes_the_same_pictures(make: Make, tmp_path: Path, capsys: Capture) -> None:
    plain = ("--seed", "3", "--num-images", "2", "--dtype", "float32")
    assert make(*plain) == 0
    first = [read_image(tmp_path / "out" / f"000{index}.png") for index in range(2)]
    assert make(*plain, "--low-memory", "--overwrite") == 0
    again = [read_image(tmp_path / "out" / f"000{index}.png") for index in range(2)]
    assert all(largest_difference(*pair) <= 1 for pair in zip(first, again, strict=True))
    assert make(*plain, "--low-memory", "--batch-size", "2") != 0
    assert "--low-memory makes one picture at a time" in complaint(capsys)

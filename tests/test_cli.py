"""The command line: its public face, what it writes, and one sentence with exit code 2 for every mistake."""

import json
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zeroconv
from helpers_generate import largest_difference, write_controlnet, write_drawing, write_photo
from zeroconv import conditions
from zeroconv.base import load_base
from zeroconv.cli import main
from zeroconv.cli.control_text import parse_control
from zeroconv.cli.entry import COMMANDS
from zeroconv.errors import UserError
from zeroconv.images import read_image

Capture = pytest.CaptureFixture[str]
Make = Callable[..., int]


@pytest.fixture(scope="module")
def canny(sd15_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_controlnet(load_base(sd15_folder), tmp_path_factory.mktemp("nets") / "canny")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "photo.png")


@pytest.fixture
def make(sd15_folder: Path, canny: Path, photo: Path, tmp_path: Path) -> Make:
    """Runs `zeroconv generate` on the random base into tmp_path/out, with a control unless told otherwise."""

    def run(*flags: str, control: str | None = f"canny={photo},checkpoint={canny}", prompt: str = "a house") -> int:
        controls = [] if control is None else ["--control", control]
        fixed = ["--base", str(sd15_folder), "--steps", "2", "--out", str(tmp_path / "out"), "--prompt", prompt]
        return main(["generate", *fixed, *controls, *flags])

    return run


def complaint(capsys: Capture) -> str:
    """The one sentence on stderr."""
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("zeroconv: error: ")]
    assert len(lines) == 1 and error.strip().endswith(lines[0]), error
    assert "Traceback" not in error
    return lines[0]


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
    from zeroconv.cli.run_folder import RunFolder

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


WRONG_CONTROLS = [
    ("cany={photo}", "unknown condition 'cany'; did you mean 'canny'"),
    ("{photo}", "a control is written NAME=IMAGE[,key=value...]"),
    ("canny=", "a control is written NAME=IMAGE[,key=value...]"),
    ("canny={photo},strenght=1", "a canny control has no key 'strenght'; did you mean 'strength'"),
    ("canny={photo},lo=1", "did you mean 'low'"),
    ("canny={photo},strength=strong", "strength of canny must be a number, not 'strong'"),
    ("canny={photo},strength=", "strength of canny must be a number, not ''"),
    ("canny={photo},low=few", "low must be a whole number, not 'few'"),
    ("canny={photo},low=300", "expected 0 <= low <= high"),
    ("canny={photo},start=0.9,end=0.1", "expected 0 <= start <= end <= 1"),
    ("canny={photo},ready=perhaps", "ready must be yes or no, not 'perhaps'"),
    ("canny={photo},ready=yes,low=5", "low has no effect on an image that is ready"),
    ("canny={photo},low=5,low=6", "low twice"),
    ("canny={missing}", "did you mean"),
    ("canny={text}", "is not a picture"),
    ("canny={folder}", "is a folder; expected a picture"),
    ("canny={photo},checkpoint={missing}", "missing"),
    ("canny={photo}", "is built in for the base"),
]


@pytest.mark.parametrize(("control", "sentence"), WRONG_CONTROLS)
def test_wrong_controls(make: Make, photo: Path, tmp_path: Path, capsys: Capture, control: str, sentence: str) -> None:
    (tmp_path / "text.png").write_text("no picture")
    paths = {
        "photo": photo,
        "missing": tmp_path / "missing-phoot.png",
        "text": tmp_path / "text.png",
        "folder": tmp_path,
    }
    assert make(control=control.format(**paths)) == 2
    assert sentence.removeprefix("did you mean") in complaint(capsys)


WRONG_FLAGS = [
    (["--steps", "many"], "argument --steps: expected a whole number, got 'many'"),
    (["--steps", "0"], "steps must be a whole number from 1"),
    (["--guidance", "-1"], "guidance must be 0 or more"),
    (["--guidance", "nan"], "expected a number, got 'nan'"),
    (["--seed", "-1"], "a seed must be a whole number from 0"),
    (["--num-images", "0"], "--num-images must be 1 or more"),
    (["--size", "big"], "expected WIDTHxHEIGHT in pixels, as 512x768, got 'big'"),
    (["--size", "0x64"], "width must be a whole number from 1"),
    (["--size", "100000x64"], "width must be a whole number from 1 to 8192"),
    (["--fit", "corp"], "unknown 'corp'; did you mean 'crop'"),
    (["--scheduler", "dimm"], "unknown scheduler 'dimm'; did you mean 'ddim'"),
    (["--dtype", "float23"], "unknown dtype 'float23'; did you mean 'float32'"),
    (["--device", "gpu"], "unknown device 'gpu'"),
    (["--device", "meta"], "has no device meta; available: cpu"),
    (["--batch-size", "0"], "--batch-size must be 1 or more"),
    (["--base", "tinny"], "tinny"),
    (["--promt", "x"], "unknown argument '--promt'; did you mean '--prompt'"),
    (["--request", "nothing.json"], "no request file nothing.json"),
]


@pytest.mark.parametrize(("flags", "sentence"), WRONG_FLAGS)
def test_wrong_flags(make: Make, capsys: Capture, flags: list[str], sentence: str) -> None:
    assert make(*flags) == 2
    assert sentence in complaint(capsys)


WRONG_COMMANDS = [
    (["genrate"], "unknown command 'genrate'; did you mean 'generate'"),
    (["generate", "--out", "x"], "--prompt is needed (or --request FILE)"),
    (["generate", "--prompt", "x"], "the following arguments are required: --out"),
    (["generate", "--prompt", "x", "--out", ""], "expected a path, got nothing"),
    (["annotate", "cany", "a.png", "--out", "b.png"], "unknown 'cany'; did you mean 'canny'"),
    (["annotate", "canny", "a.png", "--out", "b.png"], "no file a.png"),
    (["annotate", "canny", "a.png", "--out", "b.jpg"], "--out must end in .png, not 'b.jpg'"),
    (["annotate", "canny", "a.png", "--out", "b.png", "--lo", "3"], "unknown argument '--lo'; did you mean '--low'"),
    (["annotate", "canny", "a.png", "--out", "b.png", "--low", "x"], "low must be a whole number, not 'x'"),
    (["annotate", "canny", "a.png", "--out", "b.png", "--low", "300"], "0 <= low <= high"),
    (["inspect", "nothing-here"], "nothing-here"),
]


@pytest.mark.parametrize(("argv", "sentence"), WRONG_COMMANDS)
def test_wrong_commands(
    capsys: Capture, argv: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    assert sentence in complaint(capsys)


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


def test_inspect_says_what_a_checkpoint_is(canny: Path, capsys: Capture) -> None:
    assert main(["inspect", str(canny)]) == 0
    said = capsys.readouterr().out
    assert "canny" in said and "diffusers" in said


def test_help_and_version(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"zeroconv {zeroconv.__version__}"
    assert main([]) == 0
    assert "zeroconv generate --control canny=photo.jpg" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    assert main([command, "--help"]) == 0
    assert f"usage: zeroconv {command}" in capsys.readouterr().out


def test_generate_help_teaches_by_example(capsys: Capture) -> None:
    assert main(["generate", "--help"]) == 0
    text = capsys.readouterr().out
    assert "ready=yes,strength=0.7,end=0.5" in text and "--request out/run.json" in text


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'PIL', 'cv2', 'diffusers', 'transformers'}"
    code = f"import sys; from zeroconv.cli import main; main(['--help']); sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["version"] == zeroconv.__version__


def test_a_missing_part_hinders_only_its_command(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "train", ("zeroconv.nowhere", "train"))
    monkeypatch.setitem(COMMANDS, "inspect", ("notinstalledanywhere", "inspect"))
    assert main(["--help"]) == 0
    capsys.readouterr()
    assert main(["train"]) == 2
    assert "train is not part of this installation (zeroconv.nowhere is missing)" in complaint(capsys)
    assert main(["inspect"]) == 2
    assert "inspect needs the package notinstalledanywhere: pip install notinstalledanywhere" in complaint(capsys)


def test_running_out_of_memory_is_said(make: Make, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")

    monkeypatch.setattr("zeroconv.cli.generate.prepare", full)
    assert make() == 2
    assert "out of memory: try a smaller --size" in complaint(capsys)


def test_a_mistake_of_ours_is_not_hidden(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("zeroconv.cli.generate.prepare", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        make()


def test_warnings_of_other_packages_stay_out(make: Make, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from zeroconv.cli import generate

    prepare = generate.prepare

    def noisy(*arguments: object) -> object:
        warnings.warn_explicit("not for users", UserWarning, "torch/thing.py", 1, module="torch.thing")
        warnings.warn("for users", stacklevel=1)
        return prepare(*arguments)  # type: ignore[arg-type]

    noisy.__globals__["__name__"] = __name__
    monkeypatch.setattr(generate, "prepare", noisy)
    assert make() == 0
    assert "not for users" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "image", "strength"),
    [
        ("canny=a.png", "a.png", 1.0),
        ("canny=a=b.png,strength=0.5", "a=b.png", 0.5),
        ("canny=a, b.png,strength=2", "a, b.png", 2.0),
        ("Canny=C:\\photos\\a.png,STRENGTH=0.25", "C:\\photos\\a.png", 0.25),
    ],
)
def test_parsing_controls(text: str, image: str, strength: float) -> None:
    control = parse_control(text)
    assert (control.name, control.image, control.strength) == ("canny", image, strength)


def test_a_file_whose_name_looks_like_keys(tmp_path: Path) -> None:
    odd = tmp_path / "a,strength=3.png"
    odd.write_bytes(b"")
    assert parse_control(f"canny={odd}").image == str(odd)


def test_all_keys_of_a_control() -> None:
    control = parse_control("softedge=a.png,ready=yes,strength=0.5,start=0.1,end=0.9,checkpoint=some/folder")
    assert (control.name, control.ready, control.start, control.end) == ("hed", True, 0.1, 0.9)
    assert control.checkpoint == "some/folder"
    with pytest.raises(UserError, match="no key 'low'"):
        parse_control("depth=a.png,low=3")

"""A trained ControlNet as the folder that ships: its weights in half precision, config, sidecar and card as they are.

python recipes/halve.py runs/canny/controlnet src/zeroconv/models/controlnet-canny
"""

import argparse
import json
import shutil
from pathlib import Path

from safetensors.torch import load_file

from zeroconv.tensor_files import write_tensors


def halve(source: Path, target: Path, prefix: str = "") -> None:
    """Copy a folder of weights with its JSON files, in half precision, every name with `prefix` before it once."""
    target.mkdir(parents=True, exist_ok=True)
    for description in source.glob("*.json"):
        about = json.loads(description.read_text("utf-8"))
        about.pop("_name_or_path", None)  # where the maker's copy lay
        (target / description.name).write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    file = next(source.glob("*.safetensors"))
    loaded = load_file(file).items()
    weights = {f"{prefix}{key.removeprefix(prefix)}": value.half().contiguous() for key, value in loaded}
    write_tensors(weights, target / file.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the folder `controlnet` of a run")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    halve(arguments.source, arguments.target)
    shutil.copy(arguments.source / "README.md", arguments.target)


if __name__ == "__main__":
    main()

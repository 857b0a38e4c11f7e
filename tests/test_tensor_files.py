"""What is written as tensors: read back as it was, and open to whom any new file is."""

from pathlib import Path

import torch

from zeroconv.tensor_files import read_tensors, write_tensors


def test_tensors_come_back_and_others_may_read_them(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}
    (tmp_path / "plain").touch()
    write_tensors(tensors, tmp_path / "weights.safetensors")
    found = read_tensors(tmp_path / "weights.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[key], tensors[key]) and found[key].dtype == tensors[key].dtype for key in tensors)
    assert (tmp_path / "weights.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode

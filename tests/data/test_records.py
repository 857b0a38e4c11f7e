import torch

from zeroconv.control import Text
from zeroconv.data.records import Batch


def test_a_batch_moves_as_a_whole_and_keeps_what_is_whole() -> None:
    batch = Batch(
        latents=torch.rand(2, 4, 8, 8),
        text=Text(torch.rand(2, 5, 6)),
        condition=torch.rand(2, 3, 64, 64),
        noise=torch.rand(2, 4, 8, 8),
        timesteps=torch.tensor([3, 700]),
        names=("a", "b"),
    )
    halved = batch.to("cpu", torch.float16)
    assert len(halved) == 2
    kinds = {part.dtype for part in (halved.latents, halved.text.tokens, halved.condition, halved.noise)}
    assert kinds == {torch.float16}
    assert halved.timesteps.tolist() == [3, 700] and halved.timesteps.dtype == torch.int64
    assert batch.latents.dtype == torch.float32

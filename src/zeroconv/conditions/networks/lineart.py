"""The photograph-to-line-drawing generator of arXiv:2203.12691, in the layout of sk_model.pth and sk_model2.pth.

Letters: B pictures, H W height and width in pixels (multiples of 4).
"""

from collections.abc import Mapping

from torch import Tensor, nn


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.conv_block(x)  # type: ignore[no-any-return]


def _halve(channels: int) -> list[nn.Module]:
    wide = 2 * channels
    return [nn.Conv2d(channels, wide, 3, stride=2, padding=1), nn.InstanceNorm2d(wide), nn.ReLU()]


def _double(channels: int) -> list[nn.Module]:
    narrow = channels // 2
    convolution = nn.ConvTranspose2d(channels, narrow, 3, stride=2, padding=1, output_padding=1)
    return [convolution, nn.InstanceNorm2d(narrow), nn.ReLU()]


class LineDrawing(nn.Module):
    """RGB (B, 3, H, W) in 0..1 -> drawing (B, 1, H, W) in 0..1, dark lines on white."""

    def __init__(self, num_residuals: int = 3) -> None:
        super().__init__()
        self.model0 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), nn.InstanceNorm2d(64), nn.ReLU())
        self.model1 = nn.Sequential(*_halve(64), *_halve(128))
        self.model2 = nn.Sequential(*(Residual(256) for _ in range(num_residuals)))
        self.model3 = nn.Sequential(*_double(256), *_double(128))
        self.model4 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(64, 1, 7), nn.Sigmoid())

    def forward(self, image: Tensor) -> Tensor:
        """Down twice, residual blocks, up twice."""
        x = self.model2(self.model1(self.model0(image)))
        return self.model4(self.model3(x))  # type: ignore[no-any-return]


def build(tensors: Mapping[str, Tensor]) -> LineDrawing:
    """The one size that is published."""
    return LineDrawing()

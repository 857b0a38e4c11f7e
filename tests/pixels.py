"""What tests ask of a picture's pixels."""

from PIL import Image


def corners(image: Image.Image) -> list[tuple[int, int, int]]:
    right, bottom = image.width - 1, image.height - 1
    return [image.getpixel(at) for at in ((0, 0), (right, 0), (0, bottom), (right, bottom))]

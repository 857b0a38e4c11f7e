"""The kept part of an inpainted picture, put back pixel by pixel: encoding and decoding alone would change it a little.

As web interfaces do by default (webui's overlay, InvokeAI), but fading within the mask only: outside of it no pixel
changes. Shapes: H, W pixels.
"""

import cv2
import numpy as np
from PIL import Image


def pasted(made: Image.Image, picture: Image.Image, mask: Image.Image, feather: float) -> Image.Image:
    """`made` where the mask is white, `picture` where it is black, one fading into the other over `feather` pixels.

    All of one size; the mask is grey and counts as white from one half, as in sampling.
    """
    inside = (np.asarray(mask.convert("L")) >= 127.5).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    share = np.minimum(distance / (feather + 1), 1)[..., None]
    new, old = (np.asarray(image.convert("RGB"), dtype=np.float32) for image in (made, picture))
    return Image.fromarray(np.rint(old + share * (new - old)).astype(np.uint8))

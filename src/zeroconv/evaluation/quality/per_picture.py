"""The scores of single pictures: how well each fits its caption, and how it is liked.

N pictures, F features.
"""

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from zeroconv.evaluation.frechet import Features
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.quality.backbone import Backbone
from zeroconv.evaluation.quality.own_backbones import at_scenes_size
from zeroconv.evaluation.quality.scene_text import share_seen
from zeroconv.perception import PerceptionNetwork

Score = Callable[[Sequence[Picture], Sequence[str], Features], "list[float | None]"]
"""N pictures, their captions and their features by the measure's backbone -> a value each; None: there is none."""


def clip_score(clip: Backbone) -> Score:
    """The cosine of the embeddings of picture and caption (Hessel et al., arXiv 2104.08718, without its factor)."""
    assert clip.read_texts is not None
    read_texts = clip.read_texts

    def score(pictures: Sequence[Picture], captions: Sequence[str], features: Features) -> list[float | None]:
        cosines = (_unit(features) * _unit(read_texts(captions))).sum(1)
        return [float(cosine) if caption else None for cosine, caption in zip(cosines, captions, strict=True)]

    return score


def scenes_score(scenes: Backbone) -> Score:
    """The share of the objects that a caption of the embedded world names which the perception network sees."""
    judge = Judge(cast(PerceptionNetwork, scenes.network))

    def score(pictures: Sequence[Picture], captions: Sequence[str], features: Features) -> list[float | None]:
        seen = judge.objects([at_scenes_size(picture) for picture in pictures])
        return [share_seen(caption, objects) for caption, objects in zip(captions, seen, strict=True)]

    return score


def _unit(vectors: Features) -> Features:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12))

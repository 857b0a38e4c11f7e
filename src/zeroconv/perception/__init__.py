"""What a picture of the embedded world shows: a small network that reads pictures, and its answers in words.

It judges the embedded base (which kinds, colours and places a picture shows), gives the features in which sets of
pictures are compared, and detects depth, normals, classes, soft edges and keypoints in pictures of this world.
"""

from zeroconv.perception.files import SHIPPED, load_perception, save_perception
from zeroconv.perception.network import Perception, PerceptionNetwork
from zeroconv.perception.reading import SeenObject, seen_keypoints, seen_objects

__all__ = [
    "SHIPPED",
    "Perception",
    "PerceptionNetwork",
    "SeenObject",
    "load_perception",
    "save_perception",
    "seen_keypoints",
    "seen_objects",
]

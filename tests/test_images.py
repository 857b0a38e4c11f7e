"""Whatever file people have becomes upright 8-bit RGB or one clear sentence."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixels import corners
from zeroconv import images
from zeroconv.errors import UserError
from zeroconv.images import (
    atomic_write,
    fit,
    picture_size,
    read_image,
    read_metadata,
    save_png,
    to_rgb,
)


def written(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    image = read_image(written(tmp_path / "grey.png", Image.new("L", (3, 2), 77)))
    assert (image.mode, image.size, image.getpixel((1, 1))) == ("RGB", (3, 2), (77, 77, 77))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_on_white(tmp_path: Path, mode: str) -> None:
    clear = Image.new("RGBA", (2, 2), (10, 20, 30, 0)).convert(mode)
    assert to_rgb(clear).getpixel((0, 0)) == (255, 255, 255)


def test_half_transparent_colour_is_mixed_with_white(tmp_path: Path) -> None:
    image = read_image(written(tmp_path / "half.png", Image.new("RGBA", (2, 2), (0, 0, 0, 128))))
    assert image.getpixel((0, 0)) == (127, 127, 127)


def test_transparent_palette_entry_is_white(tmp_path: Path) -> None:
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    image = read_image(written(tmp_path / "palette.png", palette, transparency=b"\x00\xff"))
    assert [image.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (0, 0, 255)]


def test_palette_without_transparency(tmp_path: Path) -> None:
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([9, 8, 7])
    assert read_image(written(tmp_path / "p.gif", palette)).getpixel((0, 0)) == (9, 8, 7)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    image = read_image(written(tmp_path / "deep.png", Image.fromarray(values)))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_sixteen_bit_colour_is_scaled(tmp_path: Path) -> None:
    row = b"\x00" + struct.pack(">6H", 0, 32896, 65535, 65535, 0, 257)
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(row)) + png_chunk(b"IEND", b"")
    (tmp_path / "rgb16.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    assert np.asarray(read_image(tmp_path / "rgb16.png"))[0].tolist() == [[0, 128, 255], [255, 0, 1]]


@pytest.mark.parametrize(
    ("values", "expected"), [([0.0, 0.5, 1.0], [0, 128, 255]), ([-10.0, 0.0, 10.0], [0, 128, 255])]
)
def test_floats_are_scaled(tmp_path: Path, values: list[float], expected: list[int]) -> None:
    path = written(tmp_path / "float.tiff", Image.fromarray(np.array([values], dtype=np.float32)))
    assert np.asarray(read_image(path))[0, :, 0].tolist() == [0, 128, 255]


def test_a_constant_float_image_is_no_division_by_zero() -> None:
    assert to_rgb(Image.fromarray(np.full((1, 1), 7.0, dtype=np.float32))).getpixel((0, 0)) == (0, 0, 0)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = written(tmp_path / "print.jpg", Image.new("CMYK", (8, 8), (0, 0, 0, 0)), quality=100)
    assert read_image(path).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = Image.new("RGB", (32, 16))
    for (x, y), colour in {(0, 0): "red", (16, 0): "lime", (0, 8): "blue", (16, 8): "white"}.items():
        upright.paste(colour, (x, y, x + 16, y + 8))
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    turned = upright.transpose(stored[orientation]) if orientation in stored else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(written(tmp_path / "turned.png", turned, exif=exif))
    assert image.size == (32, 16)
    for name in ("turned.png", "turned.jpg", "turned.webp"):
        assert picture_size(written(tmp_path / name, turned, exif=exif), name) == (32, 16)
    assert corners(image) == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]


def test_damaged_exif_leaves_the_picture(tmp_path: Path) -> None:
    path = written(
        tmp_path / "exif.jpg", Image.new("RGB", (8, 8), "white"), exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"
    )
    assert read_image(path).size == picture_size(path, "") == (8, 8)


def test_the_size_of_what_is_no_picture_is_told_as_reading_it_is(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UserError, match=r"text.png is not a picture"):
        picture_size(tmp_path / "text.png", "text.png")


def test_a_picture_is_cut_where_it_is_told() -> None:
    across = Image.fromarray(np.arange(90, dtype=np.uint8).repeat(30).reshape(90, 30).T.copy()).convert("RGB")
    for centring, columns in (((0.0, 0.9), (0, 29)), ((0.5, 0.5), (30, 59)), ((1.0, 0.0), (60, 89))):
        cut = np.asarray(fit(across, (30, 30), centring=centring))
        assert (cut[0, 0, 0], cut[-1, -1, 0]) == columns


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = written(tmp_path / "moving.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path).getpixel((0, 0)) == (255, 0, 0)


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    written(tmp_path / "photo.jpg", Image.new("RGB", (8, 8)))
    with pytest.raises(UserError, match=r"no file .*phto\.jpg; did you mean .*photo\.jpg\?"):
        read_image(tmp_path / "phto.jpg")
    with pytest.raises(UserError, match=r"no file .*zzz$"):
        read_image(tmp_path / "zzz")
    with pytest.raises(UserError, match="does not exist"):
        read_image(tmp_path / "nowhere" / "photo.jpg")
    with pytest.raises(UserError, match="is a folder"):
        read_image(tmp_path)


def test_not_a_picture(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("text.png", "empty.png"):
        with pytest.raises(UserError, match="is not a picture"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg", "cut.webp", "cut.tiff", "cut.gif", "cut.bmp"])
def test_a_file_cut_short_at_any_length_is_one_sentence(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    whole = written(tmp_path / name, Image.fromarray(noise)).read_bytes()
    for length in range(0, len(whole) // 2, max(1, len(whole) // 60)):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"is (damaged|not a picture)"):
            read_image(tmp_path / name)


def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    image = Image.fromarray(noise.integers(0, 255, (16, 16, 3), dtype=np.uint8))
    for name in ("a.png", "a.jpg", "a.gif", "a.tiff", "a.webp"):
        whole = np.frombuffer(written(tmp_path / name, image).read_bytes(), dtype=np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            damaged[noise.integers(0, len(whole), 4)] = noise.integers(0, 255, 4)
            (tmp_path / name).write_bytes(damaged.tobytes())
            try:
                assert read_image(tmp_path / name).mode == "RGB"
            except UserError as error:
                assert name in str(error)


@pytest.mark.parametrize("side", [10_001, 30_000])
def test_decompression_bombs_are_refused_before_they_unpack(tmp_path: Path, side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b""))
    with pytest.raises(UserError, match="the limit of 100,000,000"):
        read_image(bomb)


def test_the_limit_is_ours_and_inclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "small.png", Image.new("RGB", (5, 4)))
    monkeypatch.setattr(images, "MAX_PIXELS", 20)
    assert read_image(path).size == (5, 4)
    monkeypatch.setattr(images, "MAX_PIXELS", 19)
    with pytest.raises(UserError, match="5x4"):
        read_image(path)


def test_png_metadata_round_trips(tmp_path: Path) -> None:
    said = {"zeroconv": '{"schema": 1}', "parameters": "ein Haus, später 日本\nSteps: 20"}
    save_png(Image.new("RGB", (2, 2)), tmp_path / "a.png", said)
    assert read_metadata(tmp_path / "a.png") == said
    assert b"tEXtzeroconv" in (tmp_path / "a.png").read_bytes()


def test_metadata_of_something_else_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no")
    assert read_metadata(tmp_path / "a.png") == {}


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_finished_write_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    path.write_text("old")
    with atomic_write(path) as part:
        assert (part.parent, part.suffix, part.exists()) == (tmp_path, ".json", False)
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]

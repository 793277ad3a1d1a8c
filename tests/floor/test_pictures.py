"""Uploaded pictures are drawn anew, or refused before they cost anything."""

from __future__ import annotations

import contextlib
import io
import random
import time
import tracemalloc

import pytest
from PIL import Image

from hydra import pictures
from hydra.errors import Invalid
from tests.floor.hostile_pictures import (
    CANARY,
    HOSTILE,
    animated,
    jpeg_with_exif,
    picture,
    png_header,
    png_with_text,
)


def opened(png: bytes) -> Image.Image:
    drawn = Image.open(io.BytesIO(png))
    assert drawn.format == "PNG"
    drawn.load()
    return drawn


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_a_square_png_that_is_never_enlarged(kind: str) -> None:
    large = opened(pictures.redraw(picture(kind, (900, 300))))
    small = opened(pictures.redraw(picture(kind, (40, 60))))

    assert (large.size, small.size) == ((256, 256), (60, 60))
    middle = large.getpixel((128, 128))
    assert isinstance(middle, tuple)
    assert abs(middle[0] - 200) < 10
    assert large.getpixel((128, 5)) == (0, 0, 0, 0)


@pytest.mark.parametrize("upload", [png_with_text(), jpeg_with_exif()])
def test_nothing_but_the_picture_comes_out(upload: bytes) -> None:
    assert CANARY in upload

    drawn = pictures.redraw(upload)

    assert CANARY not in drawn
    assert opened(drawn).info == {}
    assert {drawn[i + 4 : i + 8] for i in chunks_of(drawn)} == {b"IHDR", b"IDAT", b"IEND"}


def chunks_of(png: bytes) -> list[int]:
    places, at = [], 8
    while at < len(png):
        places.append(at)
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return places


def test_a_photograph_that_lies_on_its_side_is_turned() -> None:
    drawn = opened(pictures.redraw(jpeg_with_exif()))  # 300 by 200, to be turned

    assert drawn.getpixel((2, 128)) == (0, 0, 0, 0)
    assert drawn.getpixel((128, 2)) != (0, 0, 0, 0)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_what_moves_the_first_frame_is_kept(kind: str) -> None:
    drawn = opened(pictures.redraw(animated(kind)))

    colour = drawn.getpixel((32, 32))
    assert isinstance(colour, tuple)
    assert colour[0] > 200
    assert colour[2] < 50


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_pictures_of_every_depth_are_drawn(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (20, 20)).save(out, "PNG")

    assert opened(pictures.redraw(out.getvalue())).mode == "RGBA"


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_picture_or_too_much_of_one_is_refused(name: str) -> None:
    began = time.monotonic()

    with pytest.raises(Invalid) as refusal:
        pictures.redraw(HOSTILE[name])

    assert refusal.value.details[0]["location"] == "icon"
    assert refusal.value.message.startswith(("This is no picture", "The picture "))
    assert time.monotonic() - began < 2


def test_a_bomb_is_refused_before_there_is_room_for_it() -> None:
    tracemalloc.start()
    with pytest.raises(Invalid, match="16 million"):
        pictures.redraw(png_header(50_000, 50_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10 * 1024 * 1024


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_that_was_damaged_anywhere_is_drawn_or_refused_and_nothing_else(kind: str) -> None:
    chance = random.Random(7)
    whole = picture(kind, (60, 40))

    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with contextlib.suppress(Invalid):
            opened(pictures.redraw(bytes(damaged)))

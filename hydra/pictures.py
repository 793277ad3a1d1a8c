"""Pictures that people upload, drawn anew: a small square PNG without anything else in it.

What comes in may be hostile. Its kind is told by its first bytes, never by its name; its size is
read from its header and refused before a pixel is decoded; and nothing of its bytes goes out again.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib

from PIL import Image, ImageOps

from hydra.errors import Invalid

MOST_BYTES = 1024 * 1024
MOST_PIXELS = 16_000_000  # more than a camera's picture of a megabyte has
MOST_SCANS = 64  # of a JPEG: each is a pass over all its pixels; ordinary ones have ten
SIDE = 256

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
SCAN = b"\xff\xda"
# All that Pillow is known to raise over a file that is not what it says.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
)
TOO_MANY = f"The picture has more than {MOST_PIXELS // 1_000_000} million pixels."


def refused(sentence: str) -> Invalid:
    return Invalid.at("icon", sentence)


def redraw(upload: bytes) -> bytes:
    """A square PNG of at most 256 pixels that shows what `upload` shows; Invalid when it cannot."""
    if len(upload) > MOST_BYTES:
        raise refused("The picture is larger than 1 MiB.")
    kind = kind_of(upload)
    if not kind:
        raise refused("This is no picture in PNG, JPEG or WebP.")
    try:
        require_modest(kind, upload)
        return drawn(kind, upload)
    except Invalid:
        raise
    except Image.DecompressionBombError as error:
        raise refused(TOO_MANY) from error
    except DAMAGED as error:
        raise refused("The picture is damaged or not whole.") from error


def kind_of(upload: bytes) -> str:
    """By what the file begins with."""
    if upload.startswith(PNG):
        return "PNG"
    if upload.startswith(JPEG):
        return "JPEG"
    if upload[:4] == b"RIFF" and upload[8:12] == b"WEBP":
        return "WEBP"
    return ""


def require_modest(kind: str, upload: bytes) -> None:
    """Refuse what would take long to decode, by what stands in the file alone."""
    if kind == "JPEG" and upload.count(SCAN) > MOST_SCANS:
        raise refused("The picture is made of too many layers. Save it anew, and try again.")
    if kind == "WEBP":  # Pillow makes room for all pixels when it opens one
        require_size(*size_of_webp(upload))


def require_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise refused(TOO_MANY)


def size_of_webp(upload: bytes) -> tuple[int, int]:
    """Width and height as the first chunk says: lossy, lossless or extended."""
    first, head = upload[12:16], upload[20:30]
    if first == b"VP8 ":
        width, height = struct.unpack("<HH", head[6:10])
        return width & 0x3FFF, height & 0x3FFF
    if first == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if first == b"VP8X" and len(head) == 10:
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    raise refused("The picture is damaged or not whole.")


def drawn(kind: str, upload: bytes) -> bytes:
    """Decode the first frame, and paint it onto an empty canvas."""
    with warnings.catch_warnings(), Image.open(io.BytesIO(upload), formats=[kind]) as opened:
        warnings.simplefilter("ignore")  # about oddities that we do not keep
        require_size(*opened.size)
        opened.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG need not be decoded in full
        upright = ImageOps.exif_transpose(opened)
        picture = upright.convert("RGBA")
    side = min(SIDE, max(picture.size))
    picture = ImageOps.contain(picture, (side, side))
    canvas = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    canvas.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    out = io.BytesIO()
    canvas.save(out, "PNG", optimize=True)
    return out.getvalue()

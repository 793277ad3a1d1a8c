"""Pictures as people upload them, and as people upload them who want to do harm."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

CANARY = b"canary-in-the-picture"


def picture(kind: str, size: tuple[int, int] = (300, 200), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **options)
    return out.getvalue()


def png_with_text() -> bytes:
    told = PngInfo()
    told.add_text("Comment", CANARY.decode())
    told.add_itxt("XML:com.adobe.xmp", CANARY.decode())
    return picture("PNG", pnginfo=told) + CANARY  # and behind its end


def jpeg_with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = CANARY.decode()
    exif[0x0112] = 6  # lies on its side
    return picture("JPEG", exif=exif, comment=CANARY)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims to be so large, and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def webp_header(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_header(width: int, height: int) -> bytes:
    whole = picture("JPEG", (8, 8))
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def jpeg_of_many_scans() -> bytes:
    """A small file whose every scan is one more pass over sixteen million pixels."""
    whole = picture("JPEG", (4000, 3900), progressive=True)
    at = whole.rindex(b"\xff\xda")
    last = whole[at:-2]
    return whole[:-2] + last * ((1024 * 1024 - len(whole)) // len(last)) + b"\xff\xd9"


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HOSTILE = {
    "nothing": b"",
    "SVG with a script": SVG,
    "SVG behind a byte order mark": b"\xef\xbb\xbf" + SVG,
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "GIF": picture("GIF"),
    "a polyglot of GIF and script": b"GIF89a/*" + b"\0" * 30 + b"*/=1;alert(1)",
    "BMP": picture("BMP"),
    "TIFF": picture("TIFF"),
    "PDF": b"%PDF-1.7\n",
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "PNG that is only a beginning": picture("PNG")[:60],
    "PNG without its end": picture("PNG", (200, 200))[:-30],
    "PNG of which a byte is wrong": picture("PNG").replace(b"IDAT", b"IDAU"),
    "JPEG without its end": picture("JPEG")[:400],
    "WebP without its end": picture("WEBP")[:40],
    "WebP of eight bytes": b"RIFF\x04\0\0\0WEBP",
    "PNG bomb": png_header(50_000, 50_000),
    "JPEG bomb": jpeg_header(65_000, 65_000),
    "WebP bomb": webp_header(16_383, 16_383),
    "JPEG of many scans": jpeg_of_many_scans(),
    "too many bytes": picture("PNG") + b"\0" * 1024 * 1024,
}

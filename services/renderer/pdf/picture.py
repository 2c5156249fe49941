"""Pictures, ready for embedding."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from services.renderer.pdf.vector_picture import VectorPicture


@dataclass(frozen=True, eq=False)
class RasterPicture:
    """Pixels and transparency, deflated once. `colours` is the value of /ColorSpace."""

    width: int
    height: int
    colours: str
    pixels: bytes
    alpha: bytes


Picture = RasterPicture | VectorPicture


def make_picture(png: bytes) -> RasterPicture:
    """From any picture that Pillow reads; palette and transparency are kept. ValueError for anything else."""
    try:
        with Image.open(io.BytesIO(png)) as image:
            image.load()
            alpha = image.convert("RGBA").getchannel("A").tobytes()
            if image.mode == "P":
                palette = bytes(image.getpalette("RGB") or ())
                colours, pixels = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]", image.tobytes()
            else:
                colours, pixels = "/DeviceRGB", image.convert("RGB").tobytes()
            return RasterPicture(*image.size, colours, zlib.compress(pixels, 9), zlib.compress(alpha, 9))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"picture: got {len(png)} bytes, expected a PNG ({error})") from error

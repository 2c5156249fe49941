"""QR codes as a reader finds them in a picture. By default it takes a part of some codes for a bar code as well."""

from __future__ import annotations

from PIL.Image import Image
from zxingcpp import Barcode, BarcodeFormat, BarcodeFormats, read_barcodes


def qr_codes_in(picture: Image) -> list[Barcode]:
    return read_barcodes(picture, formats=BarcodeFormats(BarcodeFormat.QRCode))

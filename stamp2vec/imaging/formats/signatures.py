"""Files that are not read, by their first bytes: the message names what was sent, and what to send in its place."""

_SEND_PICTURE = "save it as a PNG or JPEG, or print it to a PDF"
_SEND_SCAN = "save it as a PDF or TIFF"
_SIGNATURES = (
    (b"GIF87a", "a GIF picture", _SEND_PICTURE),
    (b"GIF89a", "a GIF picture", _SEND_PICTURE),
    (b"AT&TFORM", "a DjVu document", "convert it by `ddjvu -format=tiff`, or print it to a PDF"),
    (b"\x0a\x00\x01", "a PCX picture", _SEND_PICTURE),
    (b"\x0a\x02\x01", "a PCX picture", _SEND_PICTURE),
    (b"\x0a\x03\x01", "a PCX picture", _SEND_PICTURE),
    (b"\x0a\x05\x01", "a PCX picture", _SEND_PICTURE),
    (b"\xb1\x68\xde\x3a", "a DCX file of PCX pages", _SEND_SCAN),
    (b"\x97JB2\r\n\x1a\n", "a JBIG2 file", _SEND_SCAN),
    (b"\xff\x0a", "a JPEG XL picture", _SEND_PICTURE),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", _SEND_PICTURE),
    (b"II\xbc\x01", "a JPEG XR picture", _SEND_PICTURE),
    (b"8BPS", "a Photoshop file", _SEND_PICTURE),
    (b"\0\0\1\0", "an icon", _SEND_PICTURE),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile", _SEND_PICTURE),
    (b"%!PS", "a PostScript file", "convert it to a PDF"),
    (b"\xc5\xd0\xd3\xc6", "an EPS file", "convert it to a PDF"),
    (b"{\\rtf", "an RTF document", "print it to a PDF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an office program or an e-mail", "print it to a PDF"),
    (b"PK\x03\x04", "a document of an office program or a ZIP archive", "print it to a PDF, or send what it holds"),
    (b"Rar!", "a RAR archive", "send the files that it holds"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "send the files that it holds"),
    (b"\x1f\x8b", "a gzip archive", "send the file that it holds"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "send the file that it holds"),
    (b"<svg", "an SVG drawing", _SEND_PICTURE),
)
# ISO base media files say what they are in their brands, the first of which is at byte 8.
_BRANDS = {
    b"heic": "a HEIC picture", b"heix": "a HEIC picture", b"heim": "a HEIC picture", b"heis": "a HEIC picture",
    b"hevc": "a HEIC picture", b"hevx": "a HEIC picture", b"mif1": "a HEIF picture", b"msf1": "a HEIF picture",
    b"avif": "an AVIF picture", b"avis": "an AVIF picture", b"crx ": "a raw picture of a camera",
}  # fmt: skip


def name_of(head: bytes) -> tuple[str, str] | None:
    """What a file is by its first 32 bytes or more, and what to do with it; None of what is unknown."""
    if head[4:8] == b"ftyp":
        brands = [head[at : at + 4] for at in (8, *range(16, len(head) - 3, 4))]
        # A general brand may come first, and the one that tells after it.
        known = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        special = [name for name in known if name != "a HEIF picture"]
        return (*special, *known, "a film")[0], _SEND_PICTURE
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:9].lower()
    if text.startswith((b"<!doctype", b"<html")):
        return "a web page", "print it to a PDF, or check the address it was fetched from"
    return next(((name, remedy) for start, name, remedy in _SIGNATURES if head.startswith(start)), None)

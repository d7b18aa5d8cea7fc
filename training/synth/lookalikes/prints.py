"""What presses, printers and fax machines leave: logos, headings, boxes, numbers, codes, redactions."""

from __future__ import annotations

import numpy as np
from PIL import Image

from training.synth import words
from training.synth.fonts import Script, Style, pick
from training.synth.lookalikes.sheet import (
    PRINTING,
    Page,
    Sheet,
    a_script,
    bold,
    canvas,
    coverage_of,
    frame,
    print_on,
    text_layer,
)


def _star_points(tips: int, inner: float, radius: float, centre: float, rotation: float) -> list[tuple[float, float]]:
    angles = np.arange(2 * tips) * np.pi / tips + rotation
    radii = np.where(np.arange(2 * tips) % 2, inner * radius, radius)
    return [(centre + r * float(np.cos(a)), centre + r * float(np.sin(a))) for a, r in zip(angles, radii, strict=True)]


def logo_shape(sheet: Sheet, size: int) -> Page:
    """Return the coverage of one flat shape: disc, ring, star, polygon, leaf, bars or letters."""
    rng = sheet.rng
    layer, draw = canvas(size, size)
    s = layer.width
    kind = int(rng.integers(8))
    box = (0.06 * s, 0.06 * s, 0.94 * s, 0.94 * s)
    if kind == 0:
        draw.ellipse(box, fill=255)
        draw.pieslice(box, int(rng.integers(0, 360)), int(rng.integers(360, 500)), fill=0)
    elif kind == 1:
        draw.ellipse(box, outline=255, width=int(s * rng.uniform(0.04, 0.2)))
        draw.rectangle((0.3 * s, 0.42 * s, 0.7 * s, 0.58 * s), fill=255)
    elif kind == 2:
        draw.polygon(
            _star_points(int(rng.integers(4, 11)), rng.uniform(0.3, 0.8), 0.47 * s, s / 2, rng.uniform(0, 6)), fill=255
        )
    elif kind == 3:
        draw.polygon(_star_points(int(rng.integers(2, 5)), 1.0, 0.47 * s, s / 2, rng.uniform(0, 6)), fill=255)
    elif kind == 4:
        for i in range(int(rng.integers(2, 6))):
            draw.chord(box, 40 + i * 60, 100 + i * 60, fill=255)
    elif kind == 5:
        for i in range(4):
            draw.rectangle(
                (s * (0.08 + 0.23 * i), s * rng.uniform(0.1, 0.7), s * (0.25 + 0.23 * i), 0.92 * s), fill=255
            )
    elif kind == 6:
        draw.rounded_rectangle(box, radius=s * rng.uniform(0, 0.4), fill=255)
        text = text_layer(
            sheet, words.family_name(rng, Script.LATIN)[: int(rng.integers(1, 3))], Script.LATIN, Style.SANS, size // 2
        )
        text.thumbnail((int(0.7 * s), int(0.6 * s)))
        layer.paste(0, ((s - text.width) // 2, (s - text.height) // 2), text)
    else:
        text = text_layer(sheet, words.family_name(rng, Script.LATIN)[:3].upper(), Script.LATIN, Style.SLAB, size // 2)
        text.thumbnail((s, s))
        layer.paste(255, ((s - text.width) // 2, (s - text.height) // 2), text)
    return coverage_of(layer)


def logo(sheet: Sheet) -> None:
    """A printed logo: one to three flat shapes in one to three colours, mostly near the top edge, often with a name."""
    rng = sheet.rng
    size = sheet.px(10, 28)
    x, y = sheet.place(size, size)
    if rng.random() < 0.75:
        y = sheet.px(4, 35)
    for _ in range(int(rng.integers(1, 4))):
        colour, scale = sheet.colour(PRINTING), rng.uniform(0.5, 1.0)
        shift = rng.integers(-size // 4, size // 4 + 1, 2)
        print_on(sheet.page, logo_shape(sheet, int(size * scale) + 2), colour, x + int(shift[0]), y + int(shift[1]))
    if rng.random() < 0.6:
        script = a_script(sheet)
        name = text_layer(sheet, words.company_name(rng, script), script, Style.SANS, sheet.px(2.2, 5))
        below = rng.random() < 0.5
        left, top = (x, y + size + 4) if below else (x + size + 8, y + size // 3)
        print_on(sheet.page, coverage_of(name), sheet.colour(PRINTING), left, top)


def printed_box(sheet: Sheet) -> None:
    """A printed frame with a label and nothing or one line in it: a frame alone is no stamp."""
    rng = sheet.rng
    width, height = sheet.px(25, 90), sheet.px(10, 40)
    line = sheet.px(0.15, 0.9)
    coverage = frame(width, height, line)
    x, y = sheet.place(width, height)
    colour = sheet.colour(PRINTING) if rng.random() < 0.4 else (15, 15, 15)
    if rng.random() < 0.5:
        sheet.page[y : y + height, x : x + width] = rng.integers(225, 256, 3)
    print_on(sheet.page, coverage, colour, x, y)
    for row in range(int(rng.integers(0, 3))):
        script = a_script(sheet)
        text = coverage_of(text_layer(sheet, words.department(rng, script), script, Style.SANS, sheet.px(1.8, 3.5)))
        print_on(sheet.page, text[:, : width - 2 * line - 4], colour, x + line + 4, y + 4 + int(row * height / 3))


def table_heading(sheet: Sheet) -> None:
    """The heading of a printed table: a filled bar from margin to margin, its labels white on it or dark on a tint."""
    rng, script = sheet.rng, a_script(sheet)
    width, height = sheet.px(60, 180), sheet.px(4, 9)
    dark = rng.random() < 0.5
    fill = sheet.colour(PRINTING)
    labels = np.zeros((height, width), np.uint8)
    x = sheet.px(1, 4)
    while x < 0.85 * width:
        label = coverage_of(text_layer(sheet, words.title(rng, script), script, Style.SANS, int(height * 0.45)))
        part = label[: height - 4, : width - x - 2]
        top = (height - part.shape[0]) // 2
        labels[top : top + part.shape[0], x : x + part.shape[1]] = part
        x += part.shape[1] + sheet.px(5, 25)
    left, top = sheet.px(10, 22), sheet.blank(width, height, 6)[1]
    if dark:
        print_on(sheet.page, 255 - labels, fill, left, top)
    else:
        print_on(sheet.page, np.full_like(labels, int(rng.integers(25, 80))), fill, left, top)
        print_on(sheet.page, labels, (20, 20, 20), left, top)


def figures(sheet: Sheet) -> None:
    """A column of amounts flush right, crisp and often bold, with or without a grid, its currency and its sum."""
    rng = sheet.rng
    style = (Style.SANS, Style.SANS, Style.SERIF, Style.MONO)[int(rng.integers(4))]
    face = pick(rng, Script.LATIN, sheet.split, style, "0123456789.,")
    size, tail = sheet.px(2.0, 4.2), ("", "", " EUR", " kg", ",-")[int(rng.integers(5))]
    point, group = (",", ".") if rng.random() < 0.5 else (".", ",")
    lines = []
    for _ in range(int(rng.integers(2, 9))):
        amount = f"{10 ** rng.uniform(0, 5):,.2f}".replace(",", "_").replace(".", point).replace("_", group)
        line = coverage_of(text_layer(sheet, amount + tail, Script.LATIN, style, size, face))
        lines.append(bold(line) if rng.random() < 0.4 else line)
    pitch, width = int(size * rng.uniform(1.3, 2.1)), max(line.shape[1] for line in lines) + size
    x, y = sheet.blank(width, pitch * len(lines), 4)
    ruled, black = rng.random() < 0.5, (20, 20, 20)
    rule = np.full((max(sheet.px(0.1, 0.4), 1), width), 255, np.uint8)
    for row, line in enumerate(lines):
        print_on(sheet.page, line, black, x + width - size // 2 - line.shape[1], y + pitch * row)
        if ruled or row == len(lines) - 2:
            print_on(sheet.page, rule, black, x, y + pitch * row + (pitch + size) // 2)
    if ruled and rng.random() < 0.6:
        for side in (x, x + width):
            print_on(sheet.page, np.full((pitch * len(lines), 2), 255, np.uint8), black, side, y - size // 3)


def headline(sheet: Sheet) -> None:
    """One to five bold lines of one size, black and crisp: a form's name; half of them framed or underlined."""
    rng, script = sheet.rng, a_script(sheet)
    style = (Style.SANS, Style.SANS, Style.SLAB, Style.SERIF, Style.MONO)[int(rng.integers(5))]
    face, size = pick(rng, script, sheet.split, style, ""), sheet.px(2.8, 7)
    lines = []
    for _ in range(int(rng.integers(1, 6))):
        maker = (words.company_name, words.department, words.city, words.sentence)[int(rng.integers(4))]
        text = maker(rng, script).upper()[:26]
        lines.append(bold(coverage_of(text_layer(sheet, text, script, style, size, face))))
    pitch, inset = int(size * rng.uniform(1.2, 1.6)), sheet.px(1.5, 6)
    width, height = max(line.shape[1] for line in lines) + 2 * inset, pitch * len(lines) + 2 * inset
    x, y = sheet.blank(width, height, 4)
    if rng.random() < 0.6:
        x = max((sheet.page.shape[1] - width) // 2, 0)
    for row, line in enumerate(lines):
        print_on(sheet.page, line, (16, 16, 16), x + (width - line.shape[1]) // 2, y + inset + pitch * row)
    adorned = rng.random()
    if adorned < 0.2:
        rule = np.full((max(sheet.px(0.2, 0.6), 1), width - 2 * inset), 255, np.uint8)
        for row in range(len(lines)):
            print_on(sheet.page, rule, (16, 16, 16), x + inset, y + inset + pitch * row + size)
    elif adorned < 0.55:
        print_on(sheet.page, frame(width, height, sheet.px(0.2, 1.0)), (16, 16, 16), x, y)


def typed_reference(sheet: Sheet) -> None:
    """References, copies to whom, a file number: one to five short lines of another face, where the page is empty."""
    rng = sheet.rng
    style = (Style.MONO, Style.MONO, Style.SLAB, Style.SANS)[int(rng.integers(4))]
    size, lines = sheet.px(2.4, 4.6), []
    for _ in range(int(rng.integers(1, 6))):
        letters = "".join(chr(65 + int(n)) for n in rng.integers(0, 26, 6))
        shapes = (
            f"{letters[:3]}/{letters[3:]}",
            f"{letters[:2]}. {words.family_name(rng, Script.LATIN)}",
            f"REF {words.digits(rng, 3)}-{words.digits(rng, 4)}",
            words.digits(rng, int(rng.integers(5, 10))),
            f"{letters[:3]}:{letters[3:5].lower()}",
            words.date(rng, Script.LATIN),
            words.department(rng, Script.LATIN).upper(),
        )
        text = shapes[int(rng.integers(len(shapes)))]
        lines.append(coverage_of(text_layer(sheet, text, Script.LATIN, style, size)))
    x, y = sheet.blank(max(line.shape[1] for line in lines), int(1.5 * size * len(lines)), 6)
    x = sheet.px(14, 26) if rng.random() < 0.4 else x
    for row, line in enumerate(lines):
        print_on(sheet.page, line, (18, 18, 18), x, y + int(1.5 * size * row))


def bates_number(sheet: Sheet) -> None:
    """The running number of an archive: bold digits, at times frayed, at the right or lower edge, often on end."""
    rng = sheet.rng
    style = (Style.MONO, Style.SANS, Style.SLAB)[int(rng.integers(3))]
    layer = text_layer(sheet, words.digits(rng, int(rng.integers(6, 11))), Script.LATIN, style, sheet.px(2.8, 6))
    height, width = sheet.page.shape[:2]
    if rng.random() < 0.5:
        coverage = coverage_of(layer.rotate(90 if rng.random() < 0.7 else 270, expand=True))
        x, y = width - sheet.px(8, 22), int(rng.uniform(0.25, 0.9) * height)
    else:
        coverage = coverage_of(layer.rotate(rng.normal(0, 0.6), Image.Resampling.BILINEAR, expand=True))
        x, y = int(rng.uniform(0.1, 0.85) * width), height - sheet.px(10, 24)
    if rng.random() < 0.5:
        coverage = bold(coverage)
    if rng.random() < 0.4:
        coverage = np.where(rng.random(coverage.shape) < rng.uniform(0.05, 0.3), 0, coverage).astype(np.uint8)
    print_on(sheet.page, coverage, (18, 18, 18), x, y)


def fax_header(sheet: Sheet) -> None:
    """The sender's line that a fax machine prints along the top edge."""
    rng = sheet.rng
    sender = f"FAX {words.phone(rng, Script.LATIN)}   {words.company_name(rng, Script.LATIN)}"
    text = f"{words.date(rng, Script.LATIN)}  {words.digits(rng, 4)}  {sender}   P.{rng.integers(1, 9):02d}"
    layer = text_layer(sheet, text, Script.LATIN, Style.MONO, sheet.px(2, 3.2))
    print_on(
        sheet.page, coverage_of(layer)[:, : sheet.page.shape[1] - 10], (10, 10, 10), sheet.px(5, 25), sheet.px(1, 5)
    )


def qr_code(sheet: Sheet) -> None:
    """A QR-like code with finder squares."""
    side = 4 * int(sheet.rng.integers(1, 7)) + 17
    modules = sheet.rng.random((side, side)) < 0.5
    for row, column in ((0, 0), (0, side - 7), (side - 7, 0)):
        modules[max(row - 1, 0) : row + 8, max(column - 1, 0) : column + 8] = False
        modules[row : row + 7, column : column + 7] = True
        modules[row + 1 : row + 6, column + 1 : column + 6] = False
        modules[row + 2 : row + 5, column + 2 : column + 5] = True
    size = sheet.px(14, 38)
    picture = Image.fromarray(np.pad(modules, 2).astype(np.uint8) * 255).resize((size, size), Image.Resampling.BOX)
    x, y = sheet.place(size, size)
    sheet.page[y : y + size, x : x + size] = 255
    print_on(sheet.page, np.array(picture), (10, 10, 10) if sheet.rng.random() < 0.8 else sheet.colour(PRINTING), x, y)


def barcode(sheet: Sheet) -> None:
    """A one-dimensional barcode with its number, upright or on end."""
    rng = sheet.rng
    module = max(sheet.px(0.2, 0.45), 1)
    widths = rng.integers(1, 4, 61) * module
    line = np.repeat(np.arange(61) % 2 == 0, widths).astype(np.uint8) * 255
    coverage = np.tile(line, (sheet.px(6, 18), 1))
    digits = coverage_of(text_layer(sheet, words.digits(rng, 12), Script.LATIN, Style.SANS, sheet.px(2, 3)))
    digits = digits[:, : coverage.shape[1]]
    coverage = np.vstack([coverage, np.pad(digits, ((2, 0), (0, coverage.shape[1] - digits.shape[1])))])
    coverage = np.rot90(coverage) if rng.random() < 0.25 else coverage
    print_on(
        sheet.page, np.ascontiguousarray(coverage), (10, 10, 10), *sheet.place(coverage.shape[1], coverage.shape[0])
    )


def redaction(sheet: Sheet) -> None:
    """A blackened or hatched bar over a line, as in released files."""
    width, height = sheet.px(15, 80), sheet.px(3.5, 7)
    coverage = np.full((height, width), int(sheet.rng.integers(120, 256)), np.uint8)
    if sheet.rng.random() < 0.5:
        coverage[sheet.rng.random(coverage.shape) < 0.4] = 0
    print_on(sheet.page, coverage, (8, 8, 8), *sheet.place(width, height))

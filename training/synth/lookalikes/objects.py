"""Things on and holes in the paper: file holes, photographs, coffee rings, coins, postage stamps."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from training.synth import words
from training.synth.fonts import Script, Style
from training.synth.lookalikes.prints import logo_shape
from training.synth.lookalikes.sheet import (
    FINE,
    PRINTING,
    Sheet,
    canvas,
    coverage_of,
    paste_on,
    print_on,
    text_layer,
)


def punched_holes(sheet: Sheet) -> None:
    """Two to four file holes at the left (or upper) edge, dark or light, some torn, some only crescents."""
    rng = sheet.rng
    radius, gap = sheet.px(2.4, 3.6), sheet.px(60, 110)
    height, width = sheet.page.shape[:2]
    along_top = rng.random() < 0.2
    level = int(rng.choice([5, 20, 60, 180, 235]))
    start = int((width if along_top else height) * rng.uniform(0.05, 0.45))
    for index in range(int(rng.integers(1, 5))):
        layer, draw = canvas(2 * radius + 2, 2 * radius + 2)
        s = layer.width
        draw.ellipse((2, 2, s - 3, s - 3), fill=255)
        if rng.random() < 0.3:
            shift = rng.uniform(0.1, 0.3) * s
            draw.ellipse((2 + shift, 2 - shift / 3, s - 3 + shift, s - 3 - shift / 3), fill=0)
        alpha = coverage_of(layer)
        along, across = start + index * gap, sheet.px(4, 12)
        hole = np.full((*alpha.shape, 3), level, np.uint8)
        paste_on(sheet.page, hole, alpha, *((along, across) if along_top else (across, along)))


def dirt(sheet: Sheet) -> None:
    """What a copier adds: a cloud of toner specks, or a black smear that frays out, mostly near an edge."""
    rng = sheet.rng
    width, height = sheet.px(8, 45), sheet.px(8, 45)
    ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    density = np.clip((1 - np.hypot(xs, ys)) * (1 + rng.uniform(-0.8, 0.8) * xs + rng.uniform(-0.8, 0.8) * ys), 0, 1)
    cell = int(rng.integers(1, 4))
    grain = np.kron(rng.random((-(-height // cell), -(-width // cell))), np.ones((cell, cell)))[:height, :width]
    coverage = np.where(grain < density * (rng.uniform(0.02, 0.3) if rng.random() < 0.7 else 2.5), 255, 0)
    x, y = sheet.place(width, height)
    if rng.random() < 0.6:
        x = int(rng.choice([-width // 4, sheet.page.shape[1] - 3 * width // 4]))
    print_on(sheet.page, coverage.astype(np.uint8), (20, 20, 20), x, y)


def portrait_photo(sheet: Sheet) -> None:
    """A glued or printed portrait photograph: graded backdrop, shoulders, head with light from one side, noise."""
    rng = sheet.rng
    width = sheet.px(22, 40)
    height = int(width * 1.3)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) / width
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = rng.uniform(120, 240, 3)
    picture *= 0.85 + 0.15 * ys[..., None]
    light = (0.8 + 0.4 * (xs if rng.random() < 0.5 else 1 - xs))[..., None]
    skin, hair, coat = (
        rng.uniform(0.35, 1, 1) * np.array([240, 195, 165]),
        rng.uniform(10, 120, 3),
        rng.uniform(15, 200, 3),
    )
    shoulders = ((xs - 0.5) / 0.48) ** 2 + ((ys - 1.35) / 0.42) ** 2 < 1
    crown = ((xs - 0.5) / 0.25) ** 2 + ((ys - 0.5) / 0.34) ** 2 < 1
    face = ((xs - 0.5) / rng.uniform(0.18, 0.22)) ** 2 + ((ys - 0.58) / rng.uniform(0.25, 0.3)) ** 2 < 1
    for region, paint in ((shoulders, coat), (crown, hair), (face, skin)):
        picture[region] = (light * paint)[region]
    for x, y in ((0.41, 0.55), (0.59, 0.55), (0.5, 0.73)):
        picture[((xs - x) / 0.045) ** 2 + ((ys - y) / 0.022) ** 2 < 1] *= 0.35
    picture += rng.normal(0, 6, picture.shape)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    if rng.random() < 0.4:
        image = image.convert("L").convert("RGB")
    paste_on(sheet.page, np.array(image), np.full((height, width), 255, np.uint8), *sheet.place(width, height))


def coffee_ring(sheet: Sheet) -> None:
    """The brown ring of a cup, darker at its rim, open on one side."""
    rng = sheet.rng
    radius = sheet.px(28, 45)
    side = 2 * radius + 20
    ys, xs = np.mgrid[0:side, 0:side] - side / 2
    distance = np.hypot(xs, ys) + 1.5 * np.sin(5 * np.arctan2(ys, xs) + rng.uniform(0, 6))
    rim = np.exp(-(((distance - radius) / rng.uniform(2, 7)) ** 2)) * np.clip(
        0.6 + 0.5 * np.cos(np.arctan2(ys, xs) - rng.uniform(0, 6)), 0.05, 1
    )
    x, y = sheet.place(radius, radius)
    print_on(
        sheet.page, (rim * rng.uniform(70, 190)).astype(np.uint8), (150, 105, 60), x - radius // 2, y - radius // 2
    )


def coin(sheet: Sheet) -> None:
    """A coin or a round sticker lying on the page: metallic gradient, rim, embossed figure."""
    rng = sheet.rng
    radius = sheet.px(8, 14)
    side = 2 * radius
    ys, xs = (np.mgrid[0:side, 0:side] - radius + 0.5) / radius
    distance = np.hypot(xs, ys)
    metal = np.array([(200, 170, 90), (190, 190, 195), (185, 120, 80), (210, 40, 40)][int(rng.integers(4))], np.float32)
    shade = 0.85 + 0.25 * np.cos(np.arctan2(ys, xs) * 2 + rng.uniform(0, 6)) * distance
    shade = np.where(distance > 0.88, shade * 0.75, shade)
    text = text_layer(sheet, words.digits(rng, int(rng.integers(1, 3))), Script.LATIN, Style.SERIF, radius).resize(
        (radius, radius)
    )
    raised = np.zeros((side, side), np.float32)
    raised[radius // 2 : radius // 2 + radius, radius // 2 : radius // 2 + radius] = np.array(text) / 255
    shade = shade + 0.25 * (raised - np.roll(raised, (2, 2), (0, 1)))
    picture = np.clip(metal * shade[..., None], 0, 255).astype(np.uint8)
    alpha = (np.clip((1 - distance) * radius, 0, 1) * 255).astype(np.uint8)
    paste_on(sheet.page, picture, alpha, *sheet.place(side, side))


def postage_stamp(sheet: Sheet) -> None:
    """A postage stamp: perforated edge, coloured printed picture, value and country name."""
    rng = sheet.rng
    width, height = sheet.px(20, 40), sheet.px(22, 34)
    tooth = max(int(0.9 * sheet.px_per_mm), 2)
    layer, draw = canvas(width, height)
    w, h = layer.size
    draw.rectangle((0, 0, w, h), fill=255)
    step, radius = tooth * FINE * 2, tooth * FINE * 0.6
    holes = [(cx, cy) for cx in range(0, w + 1, step) for cy in (0, h)]
    holes += [(cx, cy) for cy in range(0, h + 1, step) for cx in (0, w)]
    for cx, cy in holes:
        draw.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=0)
    picture = Image.new("RGB", (width, height), (250, 248, 240))
    hue = rng.integers(60, 240, 3)
    patches = np.clip(hue + rng.normal(0, 25, (4, 3, 3)), 0, 255).astype(np.uint8)
    inner = Image.fromarray(patches).resize((width - 4 * tooth, height - 4 * tooth), Image.Resampling.BICUBIC)
    picture.paste(inner, (2 * tooth, 2 * tooth))
    art = np.array(picture)
    print_on(art, logo_shape(sheet, int(min(width, height) * 0.55)), sheet.colour(PRINTING), width // 4, height // 4)
    value = coverage_of(text_layer(sheet, words.digits(rng, 2), Script.LATIN, Style.SERIF, height // 6))
    print_on(art, value, (20, 20, 20), 2 * tooth + 2, height - 2 * tooth - value.shape[0])
    x, y = sheet.place(width, height)
    if rng.random() < 0.7:
        x, y = sheet.page.shape[1] - width - sheet.px(4, 20), sheet.px(4, 25)
    paste_on(sheet.page, art, coverage_of(layer), x, y)

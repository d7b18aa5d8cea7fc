"""Letters and trade paper: letters, invoices, delivery notes, receipts, statements."""

# ruff: noqa: E501  (a tag is easier to read on one line)
from __future__ import annotations

from training.synth.fonts import Style
from training.synth.templates import art
from training.synth.templates.draft import INK_COLOURS, Draft


def _sheet(draft: Draft, body: str, font: str, size_pt: float, extra: str = "") -> str:
    colour = draft.one(*INK_COLOURS)
    style = f"font:{size_pt:.1f}pt/{draft.rng.uniform(1.15, 1.6):.2f} {font};color:{colour};{extra}"
    return f'<section dir="{draft.direction}" style="{style}">{body}</section>'


def _spot(left_mm: float, top_mm: float, content: str, extra: str = "") -> str:
    return f'<div style="position:absolute;left:{left_mm:.1f}mm;top:{top_mm:.1f}mm;{extra}">{content}</div>'


def letterhead(draft: Draft) -> str:
    """Return a letterhead in one of five arrangements: logo and coloured address at a corner, band, centred, rule."""
    colour, accent = draft.accent(), draft.accent() if draft.chance(0.5) else "#333"
    name_font = draft.font(Style.SANS, Style.SERIF, Style.SLAB)
    size = draft.number(12, 26)
    name = f'<b style="font:bold {draft.number(11, 20)}pt {name_font};color:{colour}">{draft.company()}</b>'
    lines = [
        draft.address(),
        f"{draft.label()}: {draft.digits(4)}/{draft.digits(7)}",
        f"{draft.label()}: {draft.digits(9)}",
    ]
    address = f'<div style="font-size:7.5pt;color:{accent}">{"<br>".join(lines[: draft.number(1, 3)])}</div>'
    picture = art.logo(draft, colour, size) if draft.chance(0.8) else ""
    arrangement = draft.number(0, 5)
    if arrangement <= 1:
        return _spot(
            draft.number(140, 165),
            draft.number(8, 16),
            f"{picture}<br>{address}",
            "width:42mm",
        )
    if arrangement == 2:
        return _spot(20, 10, f"{picture} {name}<br>{address}", "width:110mm")
    if arrangement == 3:
        return _spot(0, 6, f"{picture}<br>{name}<br>{address}", "width:210mm;text-align:center")
    if arrangement == 4:
        band = f"background:{colour};width:200mm;padding:4mm 5mm;color:#fff"
        return _spot(0, 0, f'<b style="font:bold 18pt {name_font}">{draft.company()}</b>', band)
    line = f"width:170mm;border-bottom:{draft.number(1, 4)}px solid {colour};text-align:{draft.one('left', 'right')}"
    return _spot(20, 12, f"{name} {picture}{address}", line)


def footer(draft: Draft) -> str:
    """Return two to four columns of company particulars at the foot of the page."""
    columns = "".join(
        f"<td>{draft.label()}:<br>{draft.company()}<br>{draft.label()} {draft.digits(8)}</td>"
        for _ in range(draft.number(2, 4))
    )
    rule = "border-top:1px solid #888;" if draft.chance(0.4) else ""
    colour = draft.accent() if draft.chance(0.3) else "#222"
    table = f'<table style="width:170mm;font-size:6.5pt;color:{colour};{rule}"><tr style="vertical-align:top">{columns}</tr></table>'
    return _spot(20, draft.number(268, 278), table)


def _recipient(draft: Draft) -> str:
    sender = f'<u style="font-size:6.5pt">{draft.company()}, {draft.city()}</u><br><br>' if draft.chance(0.5) else ""
    return _spot(22, draft.number(44, 52), sender + draft.address())


def goods_table(draft: Draft, rows: int) -> str:
    """Return a table of articles with amounts in one of four ruling styles and, mostly, a total."""
    ruling = draft.number(0, 3)
    border = draft.one("#000", "#555", "#bbb", draft.accent())
    cell = (
        "border:1px solid",
        "border-bottom:1px solid",
        "border:0 solid",
        "border-left:1px solid",
    )[ruling]
    head_fill = draft.one("none", "none", "#eee", "#ddd", draft.accent())
    head_ink = "#fff" if head_fill not in {"none", "#eee", "#ddd"} else "inherit"
    wide = draft.chance(0.5)
    head = "".join(f"<th>{draft.label()}</th>" for _ in range(5 if wide else 4))
    lines = []
    for row in range(rows):
        cells = [
            str(row + 1),
            f'<span style="white-space:nowrap">{draft.goods()}</span>',
        ]
        cells += [str(draft.number(1, 40))] if wide else []
        cells += [draft.money(2.5), f"{draft.money(3.2)} {draft.language.currency}"]
        lines.append(
            "<tr>" + "".join(f'<td style="{cell} {border};padding:.5mm 2mm">{c}</td>' for c in cells) + "</tr>"
        )
    total = (
        f'<tr><td colspan="{4 if wide else 3}"><b>{draft.one(*draft.language.labels)}</b></td>'
        f'<td style="border-top:2px solid {border}"><b>{draft.money(4)} {draft.language.currency}</b></td></tr>'
    )
    frame = f"border:1px solid {border};" if ruling in {0, 3} else f"border-top:1px solid {border};"
    return (
        f'<table style="width:{draft.number(130, 172)}mm;border-collapse:collapse;{frame}font-size:{draft.number(75, 100)}%">'
        f'<tr style="background:{head_fill};color:{head_ink};border-bottom:1px solid {border};font-size:85%">{head}</tr>'
        f"{''.join(lines)}{total if draft.chance(0.8) else ''}</table>"
    )


def letter(draft: Draft) -> str:
    """A business letter: letterhead, recipient, reference line, a few paragraphs, closing, footer."""
    top = draft.number(90, 105)
    subject = f"<b>{draft.phrase(3, 7).capitalize()}</b>" if draft.chance(0.7) else ""
    body = f"{subject}{draft.paragraphs(2, 5)}<p>{draft.closing()}</p><br><br><br>{draft.person()}"
    page = [
        letterhead(draft),
        _recipient(draft),
        _spot(draft.number(120, 150), top - 14, f"{draft.city()}, {draft.date()}"),
        _spot(
            22,
            top,
            body,
            f"width:{draft.number(155, 168)}mm;text-align:{draft.one('left', 'justify')}",
        ),
        footer(draft) if draft.chance(0.6) else "",
    ]
    return _sheet(
        draft,
        "".join(page),
        draft.font(Style.SERIF, Style.SERIF, Style.SANS),
        draft.rng.uniform(9.5, 12),
    )


def invoice(draft: Draft) -> str:
    """An invoice letter: reference line with dates, a short text, a table of articles, closing, footer."""
    top = draft.number(78, 92)
    references = "".join(
        f'<td><span style="font-size:70%">{draft.label()}</span><br>{draft.date()}</td>'
        for _ in range(draft.number(2, 4))
    )
    body = (
        f'<table style="width:100%"><tr>{references}</tr></table><p><b>{draft.title()} {draft.digits(5)}</b></p>'
        f"<p>{draft.phrase(2, 4)},</p><p>{draft.sentence()}</p>{goods_table(draft, draft.number(1, 14))}"
        f"<p>{draft.sentence() if draft.chance(0.5) else ''}</p><p>{draft.closing()}<br>{draft.person()}</p>"
    )
    page = [
        letterhead(draft),
        _recipient(draft),
        _spot(22, top, body, "width:168mm"),
        footer(draft),
    ]
    return _sheet(
        draft,
        "".join(page),
        draft.font(Style.SERIF, Style.SANS),
        draft.rng.uniform(9, 11),
    )


def modern_invoice(draft: Draft) -> str:
    """An invoice of a web shop: big coloured title, logo on the left, meta box on the right, QR code to pay."""
    colour = draft.accent()
    meta = "".join(
        f"<tr><td>{draft.label()}</td><td><b>{draft.value()}</b></td></tr>" for _ in range(draft.number(3, 6))
    )
    body = (
        f'<div style="display:flex;justify-content:space-between">{art.logo(draft, colour, draft.number(14, 30))}'
        f'<div style="font:bold {draft.number(20, 36)}pt {draft.font(Style.SANS)};color:{colour}">{draft.title()}</div></div>'
        f'<div style="display:flex;justify-content:space-between;margin:8mm 0"><div>{draft.address()}</div>'
        f'<table style="font-size:85%">{meta}</table></div>{goods_table(draft, draft.number(3, 18))}'
        f'<div style="margin-top:10mm">{art.qr_code(draft, draft.number(18, 32)) if draft.chance(0.5) else ""}</div>'
        f'<p style="font-size:80%;color:#555">{draft.sentence()}</p>'
    )
    return _sheet(
        draft,
        _spot(18, 14, body, "width:174mm"),
        draft.font(Style.SANS),
        draft.rng.uniform(8.5, 11),
    )


def payment_order(draft: Draft) -> str:
    """A Russian-style invoice for payment: bank box on top, bold title over a rule, ruled table, two signatures."""
    row = "".join(
        f'<tr><td class="b" style="width:60%">{draft.company()}<br><small>{draft.label()}</small></td>'
        f'<td class="b">{draft.label()}</td><td class="b">{draft.digits(9)}</td></tr>'
        for _ in range(4)
    )
    signatures = "".join(
        f"<td>{draft.label()} ____________________ <small>{draft.person()}</small></td>" for _ in range(2)
    )
    body = (
        f'<p style="font-size:70%;text-align:center">{draft.sentence()} {draft.sentence()}</p>'
        f'<table style="width:100%;border-collapse:collapse;font-size:85%">{row}</table>'
        f'<h2 style="border-bottom:3px solid #000;padding-bottom:2mm">{draft.title()} № {draft.digits(3)} {draft.date()}</h2>'
        f"<p>{draft.label()}: <b>{draft.company()}, {draft.address()}</b></p>{goods_table(draft, draft.number(1, 9))}"
        f'<p><b>{draft.phrase(4, 9)}</b></p><hr style="border-top:3px solid #000">'
        f'<table style="width:100%;margin-top:8mm"><tr>{signatures}</tr></table>'
    )
    return _sheet(
        draft,
        _spot(15, 12, body, "width:180mm"),
        draft.font(Style.SANS, Style.SERIF),
        draft.rng.uniform(8.5, 10.5),
    )


def delivery_note(draft: Draft) -> str:
    """A delivery note: two framed address boxes side by side, barcode, long table, boxes to sign."""
    box = "border:1px solid #000;padding:2mm;width:80mm;min-height:28mm"
    signs = "".join(f'<td class="b" style="height:20mm;vertical-align:top">{draft.label()}</td>' for _ in range(3))
    body = (
        f'<table style="width:100%"><tr><td>{art.logo(draft, draft.accent(), 18)}</td><td><h1>{draft.title()}</h1></td>'
        f"<td>{art.barcode(draft, 50, 12)}<br><small>{draft.digits(12)}</small></td></tr></table>"
        f'<div style="display:flex;justify-content:space-between"><div style="{box}">{draft.address()}</div>'
        f'<div style="{box}">{draft.address()}</div></div><br>{goods_table(draft, draft.number(5, 20))}'
        f'<table style="width:100%;border-collapse:collapse;margin-top:8mm;font-size:75%"><tr>{signs}</tr></table>'
    )
    return _sheet(
        draft,
        _spot(18, 12, body, "width:174mm"),
        draft.font(Style.SANS),
        draft.rng.uniform(8.5, 10.5),
    )


def receipt(draft: Draft) -> str:
    """A till receipt or a receipt slip lying on the scanner glass: narrow, monospaced, the rest of the page blank."""
    lines = "".join(
        f'<div style="display:flex;justify-content:space-between"><span>{draft.goods()}</span><span>{draft.money(2)}</span></div>'
        for _ in range(draft.number(3, 16))
    )
    code = art.barcode(draft, 50, 10) if draft.chance(0.5) else art.qr_code(draft, 24)
    body = (
        f'<div style="text-align:center">{art.logo(draft, "#111", 16) if draft.chance(0.4) else ""}<br>'
        f"<b>{draft.company()}</b><br>{draft.address()}</div><hr>{lines}<hr>"
        f'<div style="display:flex;justify-content:space-between;font-size:130%"><b>{draft.label()}</b>'
        f'<b>{draft.money(3)}</b></div><p>{draft.date()} {draft.digits(4)}</p><div style="text-align:center">{code}</div>'
    )
    tint = draft.one("#fff", "#fdfdf6", "#f4f4f0", "#fbf7ea")
    slip = f"width:{draft.number(66, 90)}mm;padding:4mm;background:{tint};box-shadow:0 0 1mm #aaa"
    return _sheet(
        draft,
        _spot(draft.number(10, 110), draft.number(6, 60), body, slip),
        draft.font(Style.MONO),
        9,
    )


def statement(draft: Draft) -> str:
    """A bank statement: coloured head, many thin rows of dates and amounts, grey bands."""
    colour = draft.accent()
    rows = "".join(
        f'<tr style="background:{"#f0f0f0" if i % 2 else "none"}"><td>{draft.date()}</td><td>{draft.phrase(2, 6)}</td>'
        f'<td style="text-align:right">{draft.money(4)}</td><td style="text-align:right">{draft.money(5)}</td></tr>'
        for i in range(draft.number(12, 34))
    )
    heads = "".join(f'<th style="text-align:left">{draft.label()}</th>' for _ in range(4))
    body = (
        f'<div style="display:flex;justify-content:space-between;align-items:center">{art.logo(draft, colour, 20)}'
        f'<b style="font-size:170%;color:{colour}">{draft.company()}</b></div><p>{draft.address()}</p>'
        f'<h3 style="background:{colour};color:#fff;padding:1.5mm 3mm">{draft.title()}</h3>'
        f'<table style="width:100%;border-collapse:collapse"><tr style="border-bottom:2px solid {colour}">{heads}</tr>{rows}</table>'
    )
    return _sheet(
        draft,
        _spot(18, 12, body, "width:174mm"),
        draft.font(Style.SANS, Style.MONO),
        draft.rng.uniform(7.5, 9),
    )

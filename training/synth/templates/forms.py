"""Forms and records: boxed forms, ruled forms, bank slips, tables, typewritten memos, fax covers, questionnaires."""

# ruff: noqa: E501  (a tag is easier to read on one line)
from __future__ import annotations

from dataclasses import dataclass

from training.synth.fonts import Style
from training.synth.templates import art
from training.synth.templates.business import goods_table
from training.synth.templates.draft import Draft


def _sheet(draft: Draft, body: str, font: str, size_pt: float, inset_mm: int = 16) -> str:
    style = f"font:{size_pt:.1f}pt/1.3 {font};padding:{inset_mm - 4}mm {inset_mm}mm;box-sizing:border-box"
    return f'<section dir="{draft.direction}" style="{style}">{body}</section>'


@dataclass(frozen=True, slots=True)
class _Hand:
    """One way of filling a form: typewriter, printer or a person's hand."""

    font: str
    scale_percent: int
    colour: str


def _choose_hand(draft: Draft) -> _Hand:
    if draft.chance(0.3):
        return _Hand(draft.font(Style.HAND), 140, draft.one("#1a2f8a", "#223366", "#2b4db0", "#111"))
    return _Hand(draft.font(Style.MONO, Style.SANS), 100, "#111")


def _filled(draft: Draft, hand: _Hand) -> str:
    """Return what was typed or written into a field; about a quarter of fields stay empty."""
    if draft.chance(0.25):
        return "&nbsp;"
    style = f"font-family:{hand.font};font-size:{hand.scale_percent}%;color:{hand.colour}"
    return f'<span style="{style}">{draft.value()}</span>'


def boxed_form(draft: Draft) -> str:
    """A form of adjoining boxes, each with a small printed label in its corner, some shaded, some with ticks."""
    hand = _choose_hand(draft)
    weight = draft.number(1, 2)
    rows = []
    for _ in range(draft.number(8, 17)):
        cells = "".join(
            f'<td style="border:{weight}px solid #000;height:{draft.number(8, 13)}mm;vertical-align:top;padding:.5mm 1.5mm;'
            f'width:{draft.number(15, 60)}mm;background:{draft.one("none", "none", "none", "#e4e4e4")}"><span style="font-size:60%">{draft.label()}</span><br>'
            f"{_filled(draft, hand)}</td>"
            for _ in range(draft.number(1, 5))
        )
        rows.append(f'<table style="width:100%;border-collapse:collapse;margin-top:-1px"><tr>{cells}</tr></table>')
    ticks = " ".join(f"{draft.one('☐', '☒', '☑')} {draft.label()}" for _ in range(draft.number(2, 5)))
    head = f'<h2 style="text-align:center;border:{draft.number(0, 3)}px solid #000;padding:2mm">{draft.title()}</h2>'
    picture = art.emblem(draft, "#222", 20) if draft.chance(0.3) else ""
    body = f"{picture}{head}{''.join(rows)}<p>{ticks}</p><small>{draft.sentence()}</small>"
    return _sheet(draft, body, draft.font(Style.SANS, Style.SERIF), draft.rng.uniform(8.5, 10.5))


def ruled_form(draft: Draft) -> str:
    """A form of labels followed by ruled lines, in one or two columns, with a signature line at the end."""
    hand = _choose_hand(draft)
    columns = draft.number(1, 2)
    fields = "".join(
        f'<div style="display:flex;margin:{draft.rng.uniform(1, 3):.1f}mm 0">{draft.label()}: <span style="flex:1;'
        f'border-bottom:1px {draft.one("solid", "dotted")} #000;margin:0 2mm">{_filled(draft, hand)}</span></div>'
        for _ in range(draft.number(12, 30))
    )
    body = (
        f'<h2 style="text-align:{draft.one("center", "left")}">{draft.title()}</h2><p>{draft.sentence()}</p>'
        f'<div style="columns:{columns};column-gap:8mm">{fields}</div><p>{draft.sentence()}</p>'
        f'<table style="width:100%;margin-top:14mm"><tr><td>______________________<br><small>{draft.label()}</small></td>'
        f"<td>______________________<br><small>{draft.label()}</small></td></tr></table>"
    )
    return _sheet(
        draft,
        body,
        draft.font(Style.SERIF, Style.SANS, Style.MONO),
        draft.rng.uniform(9, 12),
    )


def bank_form(draft: Draft) -> str:
    """A coloured bank or customs form: tinted ground, comb fields for digits, bold section bars, a barcode."""
    hand = _choose_hand(draft)
    colour, tint = (
        draft.accent(),
        draft.one("#fff3ee", "#eef5ff", "#effaf0", "#fff", "#fdf6e0"),
    )
    blocks = []
    for _ in range(draft.number(3, 7)):
        comb = "".join(
            f'<td style="border:1px solid {colour};width:5mm;height:6mm;text-align:center;background:#fff">'
            f"{draft.digits(1) if draft.chance(0.8) else ''}</td>"
            for _ in range(draft.number(8, 22))
        )
        field = f'<div style="background:#fff;border:1px solid {colour};height:8mm">{_filled(draft, hand)}</div>'
        blocks.append(
            f'<div style="background:{colour};color:#fff;padding:.7mm 2mm;font-weight:bold">{draft.label()}</div>'
            f'<small style="color:{colour}">{draft.label()}</small><table style="border-collapse:collapse"><tr>{comb}</tr></table>'
            f'<small style="color:{colour}">{draft.label()}</small>{field}<br>'
        )
    body = (
        f'<div style="background:{tint};padding:4mm"><div style="display:flex;justify-content:space-between">'
        f'{art.logo(draft, colour, 18)}<h2 style="color:{colour}">{draft.title()}</h2>{art.barcode(draft, 40, 10)}</div>'
        f"{''.join(blocks)}</div>"
    )
    return _sheet(draft, body, draft.font(Style.SANS), draft.rng.uniform(8.5, 10.5), 12)


def table_report(draft: Draft) -> str:
    """A report page: heading, a paragraph, one or two data tables of figures, notes."""
    tables = []
    for _ in range(draft.number(1, 2)):
        columns = draft.number(4, 9)
        head = "".join(f'<th class="b" style="background:#eee">{draft.label()}</th>' for _ in range(columns))
        rows = "".join(
            "<tr>"
            + "".join(f'<td class="b">{draft.money(3) if i else draft.phrase(1, 3)}</td>' for i in range(columns))
            + "</tr>"
            for _ in range(draft.number(4, 16))
        )
        tables.append(f'<table style="width:100%;border-collapse:collapse;font-size:80%"><tr>{head}</tr>{rows}</table>')
    heading = (
        f'<h2 style="color:{draft.accent() if draft.chance(0.4) else "#000"}">{draft.phrase(2, 6).capitalize()}</h2>'
    )
    body = heading + draft.paragraphs(1, 2) + f"<p>{draft.sentence()}</p>".join(tables) + draft.paragraphs(1, 2)
    return _sheet(draft, body, draft.font(Style.SERIF, Style.SANS), draft.rng.uniform(9, 11), 20)


def memo(draft: Draft) -> str:
    """An old typewritten memo: fixed pitch, capital headings, ruled-off head, underlined items, initials at the foot."""
    font = draft.font(Style.MONO, Style.MONO, Style.SLAB)
    head = "".join(
        f'<div style="display:flex"><span style="width:32mm">{draft.label().upper()}:</span><span>{draft.value()}</span></div>'
        for _ in range(draft.number(3, 5))
    )
    items = "".join(f"<p><u>{draft.phrase(1, 4)}</u> {draft.sentence()}</p>" for _ in range(draft.number(0, 4)))
    top = f'<div style="text-align:center">{draft.company().upper()}<br><br>{draft.title().upper()}</div><br>'
    rule = "<hr>" if draft.chance(0.5) else "<br>"
    spacing = draft.one("1.1", "1.25", "1.25", "1.9")
    body = (
        f'<div style="line-height:{spacing}">{top if draft.chance(0.8) else ""}{head}{rule}{draft.paragraphs(1, 4)}{items}'
        f'<p style="margin-left:90mm">{draft.closing()}<br><br><br>{draft.person()}</p>'
        f"<p>{draft.label()}: {draft.person()}<br>{draft.digits(6)}</p></div>"
    )
    return _sheet(draft, body, font, draft.rng.uniform(9.5, 12), draft.number(18, 28))


def typed_list(draft: Draft) -> str:
    """A typewritten specification: two columns of labels with underlined values in fixed pitch."""
    items = "".join(
        f'<div style="break-inside:avoid">{draft.label()} <u>&nbsp;{draft.value()}&nbsp;&nbsp;</u></div>'
        if draft.chance(0.85)
        else f'<div style="break-inside:avoid"><br><u>{draft.phrase(1, 3).capitalize()}</u><br><br></div>'
        for _ in range(draft.number(24, 60))
    )
    body = (
        f'<div style="text-align:center"><u>{draft.title().upper()}</u></div><br>{draft.label()}: {draft.value()}<br><br>'
        f'<div style="columns:{draft.number(1, 2)}">{items}</div><br>{draft.label()} __________________ {draft.date()}'
    )
    return _sheet(
        draft,
        body,
        draft.font(Style.MONO),
        draft.rng.uniform(9, 11),
        draft.number(16, 26),
    )


def fax_cover(draft: Draft) -> str:
    """A fax cover sheet: sender line on the top edge, giant title, ruled fields, a message."""
    edge = f"{draft.date()} {draft.number(10, 23)}:{draft.digits(2)} &nbsp; {draft.digits(11)} &nbsp; {draft.company()} &nbsp; {draft.digits(3)}/{draft.digits(3)}"
    fields = "".join(
        f'<div style="display:flex;margin:3mm 0"><b style="width:30mm">{draft.label()}:</b>'
        f'<span style="flex:1;border-bottom:1px solid #000">{draft.value()}</span></div>'
        for _ in range(draft.number(4, 9))
    )
    title = f'<div style="font:bold {draft.number(30, 60)}pt {draft.font(Style.SANS, Style.SLAB)}">{draft.one("FAX", "TELEFAX", "FACSIMILE", "Fax")}</div>'
    body = f'<div style="position:absolute;left:8mm;top:3mm;font-size:70%">{edge}</div>{title}{fields}<hr>{draft.paragraphs(1, 3)}'
    return _sheet(
        draft,
        body,
        draft.font(Style.SANS, Style.SERIF, Style.MONO),
        draft.rng.uniform(10, 13),
        20,
    )


def laboratory_form(draft: Draft) -> str:
    """A laboratory or personnel record in one heavy frame: title bar, cells, rows of tick boxes, a typed comment, signature."""
    hand = _choose_hand(draft)
    line = f"border-bottom:{draft.number(1, 2)}px solid #000;padding:1mm 2mm"
    cells = "".join(
        f'<div style="{line};display:flex">'
        + "".join(
            f'<div style="flex:{draft.number(1, 4)}"><small style="font-size:60%">{draft.label().upper()}</small><br>'
            f"{_filled(draft, hand)}</div>"
            for _ in range(draft.number(1, 4))
        )
        + "</div>"
        for _ in range(draft.number(2, 4))
    )
    ticks = "".join(
        f'<div style="display:flex;font-size:75%;margin:1.2mm 0"><span style="flex:2">{chr(97 + i)}.) {draft.label().upper()}</span>'
        + "".join(f'<span style="flex:1">{draft.one("☐", "☐", "☒")} {draft.label().upper()}</span>' for _ in range(4))
        + "</div>"
        for i in range(draft.number(3, 8))
    )
    comment = f'<div style="font-family:{draft.font(Style.MONO)};padding:2mm">{draft.paragraphs(1, 4)}</div>'
    body = (
        f'<div style="border:{draft.number(2, 4)}px solid #000;min-height:{draft.number(225, 262)}mm;position:relative;padding-bottom:14mm">'
        f'<h2 style="text-align:center;margin:0;{line}">{draft.title().upper()}</h2>{cells}'
        f'<div style="{line}"><small>{draft.label().upper()}</small>{ticks}</div>{comment}'
        f'<div style="position:absolute;bottom:0;width:100%;border-top:1px solid #000;height:12mm;display:flex">'
        f'<div style="flex:3"><small>{draft.label().upper()}</small></div><div style="flex:1;border-left:1px solid #000">'
        f"<small>{draft.label().upper()}</small></div></div></div><small>{draft.company().upper()}</small>"
    )
    return _sheet(draft, body, draft.font(Style.SANS, Style.SERIF), draft.rng.uniform(9, 11), draft.number(10, 18))


def requisition(draft: Draft) -> str:
    """A purchase requisition or progress report: block logo, heading bars on a screened ground, bold entries in a ruled grid."""
    screen = draft.one(
        "background:repeating-conic-gradient(#555 0 25%,#fff 0 50%) 0 0/3px 3px",
        "background:repeating-linear-gradient(45deg,#777 0 1px,#fff 1px 3px)",
        "background:#bbb",
        "background:#ddd",
    )

    def bar(text: str) -> str:
        return f'<div style="{screen};border:1px solid #000;width:{draft.number(50, 178)}mm;text-align:center;margin:3mm 0">{text}</div>'

    columns = draft.number(3, 6)
    head = "".join(f'<th class="b" style="{screen}">{draft.label().upper()}</th>' for _ in range(columns))
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td class="b" style="height:6mm"><b>{draft.value() if draft.chance(0.5) else ""}</b></td>'
            for _ in range(columns)
        )
        + "</tr>"
        for _ in range(draft.number(6, 20))
    )
    fields = "".join(
        f'<div style="margin:2.5mm 0">{draft.label().upper()}: &emsp;<span style="border:1px solid #000;padding:0 4mm">'
        f"{draft.value()}</span></div>"
        for _ in range(draft.number(2, 6))
    )
    body = (
        f'<div style="display:flex;justify-content:space-between;align-items:center"><div style="display:flex;gap:3mm">'
        f"{art.logo(draft, '#111', draft.number(14, 24))}<b>{draft.company().upper()}</b></div>"
        f'<b style="font-size:140%">{draft.title().upper()}</b></div>{bar(draft.label().upper())}{fields}{bar(draft.label().upper())}'
        f'<p style="text-align:center"><b>{draft.sentence().upper()}</b></p>'
        f'<table style="width:100%;border-collapse:collapse;font-size:80%"><tr>{head}</tr>{rows}</table>'
        f"<p>{draft.sentence()}</p>"
    )
    return _sheet(draft, body, draft.font(Style.SANS), draft.rng.uniform(9, 11), draft.number(12, 20))


def order_form(draft: Draft) -> str:
    """An order form: framed title box, two-column head, a table of articles, a box for approval."""
    box = f"border:{draft.number(2, 4)}px solid {draft.one('#000', '#000', draft.accent())};padding:2mm 6mm;display:inline-block"
    fields = "".join(
        f"<tr><td><small>{draft.label()}</small></td><td><u>{draft.value()}</u></td></tr>" for _ in range(5)
    )
    body = (
        f'<div style="{box}"><b style="font-size:160%">{draft.title().upper()}</b></div><table>{fields}</table><br>'
        f"{goods_table(draft, draft.number(4, 18))}<br>"
        f'<div style="border:1px solid #000;width:{draft.number(50, 90)}mm;height:{draft.number(20, 35)}mm;padding:1mm">'
        f"<small>{draft.label()}</small></div>"
    )
    return _sheet(draft, body, draft.font(Style.SANS, Style.SERIF), draft.rng.uniform(9, 11))


def questionnaire(draft: Draft) -> str:
    """A survey: numbered questions with tick boxes, section headings on a grey ground, page number."""
    questions = "".join(
        f"<p><b>{i + 1}.</b> {draft.sentence()}<br>{' &emsp; '.join(f'○ {draft.phrase(1, 3)}' for _ in range(draft.number(2, 4)))}</p>"
        for i in range(draft.number(6, 12))
    )
    head = f'<h3 style="background:#ddd;padding:2mm">{draft.title()} {draft.digits(2)}</h3>'
    return _sheet(
        draft,
        f"{head}{draft.sentence()}{questions}",
        draft.font(Style.SANS, Style.SERIF),
        draft.rng.uniform(9, 11),
        20,
    )

"""Legal and personal paper: contracts, certificates, notarial pages, identity pages, handwritten letters, journals."""

# ruff: noqa: E501  (a tag is easier to read on one line)
from __future__ import annotations

from training.synth.fonts import Style
from training.synth.templates import art
from training.synth.templates.draft import Draft


def _sheet(draft: Draft, body: str, font: str, size_pt: float, inset_mm: int, extra: str = "") -> str:
    style = f"font:{size_pt:.1f}pt/1.35 {font};padding:{inset_mm - 2}mm {inset_mm}mm;box-sizing:border-box;{extra}"
    return f'<section dir="{draft.direction}" style="{style}">{body}</section>'


def _parties(draft: Draft) -> str:
    columns = "".join(
        f'<td style="width:50%;vertical-align:top"><b>{draft.label()}</b><br>{draft.company()}<br>{draft.address()}<br>'
        f"{draft.label()}: {draft.digits(20)}<br><br><br>__________________ / {draft.person()} /</td>"
        for _ in range(2)
    )
    return f'<table style="width:100%;font-size:90%"><tr>{columns}</tr></table>'


def contract(draft: Draft) -> str:
    """A contract page: centred title, numbered clauses, the parties' particulars and signature lines at the end."""
    clauses = "".join(
        f'<p style="text-align:center"><b>{i + 1}. {draft.phrase(1, 4).upper()}</b></p>'
        + "".join(f"<div>{i + 1}.{j + 1}. {draft.sentence()}</div>" for j in range(draft.number(1, 4)))
        for i in range(draft.number(2, 6))
    )
    head = (
        f'<h3 style="text-align:center">{draft.title().upper()} № {draft.digits(4)}</h3>'
        f'<div style="display:flex;justify-content:space-between"><span>{draft.city()}</span><span>{draft.date()}</span></div>'
        f"<p>{draft.sentence()}</p>"
    )
    body = (head if draft.chance(0.6) else "") + clauses + (_parties(draft) if draft.chance(0.75) else "")
    return _sheet(
        draft,
        body,
        draft.font(Style.SERIF, Style.SERIF, Style.SANS),
        draft.rng.uniform(9, 11.5),
        draft.number(16, 26),
    )


def agreement(draft: Draft) -> str:
    """An agreement in two languages side by side, in a ruled two-column table."""
    rows = "".join(
        f'<tr><td class="b" style="vertical-align:top;padding:2mm">{draft.sentence()}</td>'
        f'<td class="b" style="vertical-align:top;padding:2mm">{draft.sentence()} {draft.phrase()}</td></tr>'
        for _ in range(draft.number(6, 11))
    )
    body = (
        f'<h3 style="text-align:center">{draft.title()} / {draft.title()}</h3>'
        f'<table style="width:100%;border-collapse:collapse">{rows}</table><br>{_parties(draft)}'
    )
    return _sheet(draft, body, draft.font(Style.SERIF, Style.SANS), draft.rng.uniform(9, 10.5), 16)


def certificate(draft: Draft) -> str:
    """A certificate: ornamental guilloche frame, arms, large display title, a name on a line, date and signature."""
    colour = draft.accent()
    ground = draft.one("#fff", "#fffdf4", "#fbf6e4", "#f4f8f2", "#f3f6fb")
    frame = art.guilloche_frame(draft, colour, 190, 277)
    rose = art.rosette(draft, colour, 120, 0.3) if draft.chance(0.5) else ""
    display = draft.font(Style.SERIF, Style.SLAB, Style.HAND)
    picture = art.emblem(draft, draft.accent(), draft.number(22, 36)) if draft.chance(0.7) else ""
    body = (
        f'<div style="position:absolute;left:10mm;top:10mm">{frame}</div>'
        f'<div style="position:absolute;left:45mm;top:90mm">{rose}</div>'
        f'<div style="position:relative;text-align:center;padding:18mm 14mm">{picture}<br>{draft.company().upper()}'
        f'<div style="font:{draft.number(28, 46)}pt {display};color:{colour};margin:8mm">{draft.title()}</div>'
        f'<p>{draft.sentence()}</p><div style="font-size:180%;border-bottom:1px solid #000;margin:4mm 20mm">{draft.person()}</div>'
        f"{draft.paragraphs(1, 2)}"
        f'<table style="width:100%;margin-top:{draft.number(12, 40)}mm"><tr><td>{draft.date()}<br>______________<br>{draft.label()}</td>'
        f"<td>{draft.person()}<br>______________<br>{draft.label()}</td></tr></table></div>"
    )
    return _sheet(
        draft,
        body,
        draft.font(Style.SERIF),
        draft.rng.uniform(11, 14),
        14,
        f"background:{ground}",
    )


def diploma(draft: Draft) -> str:
    """A plain diploma: a double-ruled frame, coloured heading, a printed round emblem, centred text."""
    colour = draft.accent()
    frame = (
        f"position:absolute;left:12mm;top:12mm;width:184mm;height:270mm;border:{draft.number(4, 9)}px double {colour}"
    )
    body = (
        f'<div style="{frame}"></div><div style="position:relative;text-align:center;padding:20mm">'
        f"{art.rosette(draft, colour, draft.number(24, 44), 1)}"
        f'<h1 style="color:{colour}">{draft.title().upper()}</h1><h2>{draft.person()}</h2>{draft.paragraphs(1, 3)}'
        f'<p style="margin-top:30mm">{draft.city()}, {draft.date()}</p></div>'
    )
    return _sheet(draft, body, draft.font(Style.SERIF, Style.SANS), draft.rng.uniform(11, 14), 14)


def notarial(draft: Draft) -> str:
    """A notarial or court page: centred state head with arms, justified narrow text, blank lower third for seals."""
    arms = (
        art.emblem(draft, draft.one("#111", "#222", draft.accent()), draft.number(18, 28)) if draft.chance(0.7) else ""
    )
    body = (
        f'<div style="text-align:center">{arms}<br><b>{draft.company().upper()}</b><br>{draft.city()}<hr>'
        f'<h3>{draft.title().upper()}</h3></div><div style="text-align:justify">{draft.paragraphs(2, 4)}</div>'
        f"<p>{draft.label()}: {draft.digits(8)}<br>{draft.label()}: {draft.money(4)} {draft.language.currency}</p>"
        f'<p style="margin-top:12mm">{draft.label()} ______________________ {draft.person()}</p>'
    )
    line = f"border-left:{draft.number(1, 3)}px solid {draft.accent()};" if draft.chance(0.25) else ""
    return _sheet(
        draft,
        body,
        draft.font(Style.SERIF, Style.MONO),
        draft.rng.uniform(10.5, 13),
        draft.number(20, 34),
        line,
    )


def identity_page(draft: Draft) -> str:
    """A scan of identity papers: one or two tinted cards with portrait, fields, machine-readable lines, rosettes."""
    cards = []
    for _ in range(draft.number(1, 2)):
        colour, tint = (
            draft.accent(),
            draft.one("#e8f0f7", "#f7e9ea", "#eaf5ea", "#f7f2df", "#ece8f5"),
        )
        fields = "".join(
            f'<small style="color:#567">{draft.label()}</small><br><b>{draft.value()}</b><br>'
            for _ in range(draft.number(3, 6))
        )
        code = "".join(draft.one("A", "K", "M", "R", "<", "<", "<", "7", "0") for _ in range(36))
        cards.append(
            f'<div style="position:relative;width:{draft.number(95, 128)}mm;margin:6mm {draft.number(0, 40)}mm;background:{tint};'
            f'border:1px solid #aab;border-radius:3mm;padding:4mm;overflow:hidden"><div style="position:absolute;right:2mm;top:6mm">'
            f'{art.rosette(draft, colour, 60, 0.45)}</div><b style="color:{colour};position:relative">{draft.company().upper()}</b>'
            f'<div style="display:flex;gap:5mm;position:relative">{art.portrait(draft, draft.number(26, 35), draft.number(34, 45))}'
            f'<div>{fields}</div></div><div style="font:9pt {draft.font(Style.MONO)};position:relative">{code}<br>{code[::-1]}</div></div>'
        )
    note = draft.paragraphs(0, 2)
    return _sheet(
        draft,
        "".join(cards) + note,
        draft.font(Style.SANS),
        draft.rng.uniform(8, 10),
        draft.number(14, 30),
    )


def handwritten(draft: Draft) -> str:
    """A letter or an application in handwriting, on blank, ruled or squared paper."""
    ink = draft.one("#1a2f8a", "#223366", "#111", "#2b4db0", "#333")
    ruled = "background:repeating-linear-gradient(#0000 0 7.8mm,#9db7d6 7.8mm 8mm)"
    squared = (
        "background:repeating-linear-gradient(#0000 0 4.8mm,#b9c9de 4.8mm 5mm),"
        "repeating-linear-gradient(90deg,#0000 0 4.8mm,#b9c9de 4.8mm 5mm)"
    )
    ground = draft.one("", "", ruled, squared)
    body = (
        f'<p style="text-align:right">{draft.date()}</p><p>{draft.phrase(2, 4).capitalize()},</p>{draft.paragraphs(2, 5)}'
        f'<p style="margin-left:80mm">{draft.closing()}<br>{draft.person()}</p>'
    )
    style = f"color:{ink};line-height:8mm;{ground}"
    return _sheet(
        draft,
        body,
        draft.font(Style.HAND),
        draft.rng.uniform(14, 20),
        draft.number(14, 28),
        style,
    )


def journal(draft: Draft) -> str:
    """A two-column article or a book page with headings, a figure and a caption."""
    figure = (
        f'<div style="break-inside:avoid;text-align:center">{art.rosette(draft, "#333", 50, 1) if draft.chance(0.3) else art.logo(draft, draft.accent(), 45)}'
        f"<br><small>{draft.sentence()}</small></div>"
    )
    sections = "".join(
        f"<h4>{i + 1}. {draft.phrase(2, 5).capitalize()}</h4>{draft.paragraphs(1, 4)}"
        for i in range(draft.number(3, 6))
    )
    title = f'<h2 style="text-align:center">{draft.phrase(4, 9).capitalize()}</h2><p style="text-align:center">{draft.person()}</p>'
    body = f'{title}<div style="columns:{draft.number(1, 2)};text-align:justify">{sections}{figure if draft.chance(0.6) else ""}</div>'
    return _sheet(
        draft,
        body,
        draft.font(Style.SERIF, Style.SERIF, Style.SANS),
        draft.rng.uniform(8.5, 12),
        draft.number(16, 28),
    )

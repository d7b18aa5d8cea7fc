"""Page templates: each is a function from a draft to one A4 ``<section>``. Some are held out for the test split."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from training.synth.fonts import Split
from training.synth.templates import business, forms, papers
from training.synth.templates.draft import Draft, FontFaces
from training.synth.templates.lexicon import LANGUAGES

Template = Callable[[Draft], str]

_PAGE_CSS = """
@page{size:210mm 297mm;margin:0}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{margin:0}
section{position:relative;width:210mm;height:296.8mm;overflow:hidden;break-after:page}
.b{border:1px solid #000;padding:.5mm 1.5mm}
p{margin:.5em 0}
"""

WEIGHTS: MappingProxyType[Split, dict[Template, float]] = MappingProxyType(
    {
        Split.TRAIN: {
            business.letter: 8.0,
            business.invoice: 12.0,
            business.modern_invoice: 5.0,
            business.payment_order: 5.0,
            business.receipt: 3.0,
            forms.boxed_form: 9.0,
            forms.ruled_form: 6.0,
            forms.bank_form: 4.0,
            forms.table_report: 6.0,
            forms.memo: 12.0,
            forms.typed_list: 6.0,
            forms.fax_cover: 4.0,
            forms.laboratory_form: 7.0,
            forms.requisition: 6.0,
            papers.contract: 9.0,
            papers.certificate: 4.0,
            papers.notarial: 6.0,
            papers.identity_page: 3.0,
            papers.handwritten: 6.0,
            papers.journal: 6.0,
        },
        Split.TEST: {
            business.delivery_note: 1.0,
            business.statement: 1.0,
            forms.order_form: 1.0,
            forms.questionnaire: 1.0,
            papers.agreement: 1.0,
            papers.diploma: 1.0,
        },
    }
)


def draw_page(rng: np.random.Generator, split: Split, faces: FontFaces) -> str:
    """Return one page as an HTML section, from a template of ``split``."""
    templates = WEIGHTS[split]
    weights = np.array(list(templates.values()))
    template = list(templates)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    # Till-roll and Cyrillic trade forms are tied to no language, as detectors do not read; the invoice for payment is
    # a Russian form.
    language = LANGUAGES["ru"] if template is business.payment_order and rng.random() < 0.7 else None
    return template(Draft(rng, split, faces, language))


def document(rng: np.random.Generator, split: Split, count: int) -> str:
    """Return an HTML document of ``count`` A4 pages."""
    faces = FontFaces()
    sections = "".join(draw_page(rng, split, faces) for _ in range(count))
    return f"<!doctype html><meta charset=utf-8><style>{_PAGE_CSS}{faces.css()}</style>{sections}"

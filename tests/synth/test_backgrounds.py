"""Page templates: the same page from the same seed, and nothing of the test split in training."""

import re

import numpy as np
import pytest

from training.synth import templates
from training.synth.backgrounds import Backgrounds
from training.synth.fonts import Split
from training.synth.templates import document
from training.synth.templates.draft import Draft, FontFaces
from training.synth.templates.lexicon import LANGUAGES


def fonts_of(html: str) -> set[str]:
    return set(re.findall(r'url\("file://([^"]+)"\)', html))


def test_a_document_has_its_pages_and_is_the_same_from_the_same_seed() -> None:
    first, again = (document(np.random.default_rng(4), Split.TRAIN, 12) for _ in range(2))
    assert first.count("<section") == first.count("</section>") == 12
    assert first == again
    assert document(np.random.default_rng(5), Split.TRAIN, 12) != first


def test_the_splits_share_neither_fonts_nor_templates() -> None:
    train, test = (fonts_of(document(np.random.default_rng(1), split, 60)) for split in (Split.TRAIN, Split.TEST))
    assert len(train) > 10
    assert len(test) > 5
    assert not train & test
    assert not set(templates.WEIGHTS[Split.TRAIN]) & set(templates.WEIGHTS[Split.TEST])


@pytest.mark.parametrize("split", list(Split))
@pytest.mark.parametrize("code", list(LANGUAGES))
def test_every_template_can_be_drawn_in_every_language(split: Split, code: str) -> None:
    for template in templates.WEIGHTS[split]:
        faces = FontFaces()
        html = template(Draft(np.random.default_rng(2), split, faces, LANGUAGES[code]))
        assert html.startswith("<section")
        assert html.count("<div") == html.count("</div>"), template.__name__
        assert html.count("<table") == html.count("</table>"), template.__name__


def test_drawn_backgrounds_are_fresh_copies() -> None:
    backgrounds = Backgrounds.drawn(1)
    page = backgrounds.pick(np.random.default_rng(0))
    page[:] = 0
    assert backgrounds.pick(np.random.default_rng(0)).mean() > 200

"""Whether a PDF is signed."""

from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

_MAX_FIELDS = 10_000


def is_signed(pdf: pikepdf.Pdf) -> bool:
    """Whether there is a field with a signature, or one that certifies the document."""
    if Name.Perms in pdf.Root:
        return True
    form = pdf.Root.get(Name.AcroForm)
    fields: list[Any] = [*form.get(Name.Fields, [])] if isinstance(form, Dictionary) else []
    for _ in range(_MAX_FIELDS):
        if not fields:
            return False
        field = fields.pop()
        if not isinstance(field, Dictionary):
            continue
        if field.get(Name.FT) == Name.Sig and Name.V in field:
            return True
        kids = field.get(Name.Kids)
        fields += [*kids] if isinstance(kids, Array) else []
    return True  # of so many, some may be

"""The verdict on two stamps."""

from typing import TYPE_CHECKING

from stamp2vec.display import overlay
from stamp2vec.display.markup import LINE, data_url, table, text

if TYPE_CHECKING:
    from stamp2vec.values import Comparison

_OVERLAY_PX = 384
_SWATCH = f"display:inline-block;width:.8em;height:.8em;border:{LINE}"
_LEGEND = (
    (overlay.BOTH, "ink of both"),
    (overlay.MISSING, "ink that only the first has"),
    (overlay.ADDED, "ink that only the second has"),
    (overlay.AGREES, "both agree"),
    (overlay.CONTRADICTS, "one die cannot have made both"),
)


def comparison_html(result: "Comparison") -> str:
    """The verdict, what it rests on, and both impressions laid over each other where their ink was compared."""
    rows = [
        ("verdict", f"<b>{text(result.verdict)}</b>"),
        ("reason", text(result.reason or "-")),
        ("probability of one die", "-" if result.probability is None else f"{result.probability:.3f}"),
        ("prior", f"{result.prior:g}"),
        ("cosine similarity", f"{result.similarity:.4f}"),
        ("model", text(f"{result.model}@{result.version}")),
    ]
    found = result.overlay
    if found is None:
        return table((), rows)
    rows += [
        ("correlation of ink", f"{found.correlation:.2f}"),
        ("ink that is missing, added", f"{found.missing_ink:.0%}, {found.added_ink:.0%}"),
        ("mirrored", "yes" if found.mirrored else "no"),
    ]
    picture = f'<img src="{data_url(overlay.overlaid(found), _OVERLAY_PX)}">'
    legend = "; ".join(f'<span style="{_SWATCH};background:rgb{colour}"></span> {name}' for colour, name in _LEGEND)
    return f"{table((), rows)}{picture}<p>{legend}</p>"

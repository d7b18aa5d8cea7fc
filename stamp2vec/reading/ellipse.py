"""The ellipse through the outer edge of a stamp's ink: robust against what lies around it and what is missing of it.

Candidates go through a few points of the edge (Fischler and Bolles, 1981, with all draws made beforehand); the best is
fitted by least squares to the points near it (Halir and Flusser, 1998, after Fitzgibbon, Pilu and Fisher, 1999).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.strips import Ellipse

Points = NDArray[np.float64]
Rows = NDArray[np.float64]
"""Ellipses, (N, 5): the fields of Ellipse."""

DIRECTIONS = 360
MOST_PX = 320  # the longer side of the mask that is fitted: its edge is sharp to a pixel, the fit to a tenth of one
# Shares of the ink's extent, x and y, from which an edge is looked for until there is one: the lines of a postmark and
# other ink at one side hide it from the middle.
_SEEN_FROM = (
    (0.5, 0.5),
    (0.25, 0.5),
    (0.75, 0.5),
    (0.5, 0.25),
    (0.5, 0.75),
    (0.2, 0.2),
    (0.8, 0.2),
    (0.2, 0.8),
    (0.8, 0.8),
)
_FEW_PX = 128  # of the longer side: the edge of less has too few pixels for all directions
_MARKED = 96  # of a soft mask; pale rims stay below 128
_LEAST_POINTS = 60  # of the edge, a sixth of the way around
_CIRCLES, _ELLIPSES = 120, 240  # candidates through three points and through five
_NEAR = (0.04, 0.03, 0.02, 0.02)  # of the radius: how far off points may be, fit by fit
_BEYOND = 1.06  # of the radius: farther out, ink belongs to something else
_OUTSIDE_COST = 0.7  # of a point beyond a candidate; one on it counts 1
_LEAST_SEEN = 0.34  # of all directions in which the edge must be
_WELL_SEEN = 0.6  # of them: less does not determine an ellipse, but a circle
_LEAST_RADIUS_PX = 6.0


def fit_ellipse(ink: NDArray[np.uint8], least_ratio: float) -> Ellipse | None:
    """The outline of a round or oval stamp's ink, uint8 (h, w), its longer side at most MOST_PX; 255 is ink.

    `least_ratio` is of the shorter axis to the longer one. None when no ellipse has a third of its way around marked.
    """
    times = -(-_FEW_PX // max(ink.shape))
    if times > 1:
        height, width = ink.shape
        enlarged = Image.fromarray(ink).resize((times * width, times * height), Image.Resampling.BILINEAR)
        found = fit_ellipse(np.asarray(enlarged), least_ratio)
        return None if found is None else found.scaled(1 / times)
    marked = np.pad(ink >= _MARKED, 1)
    around = marked[:-2, 1:-1] & marked[2:, 1:-1] & marked[1:-1, :-2] & marked[1:-1, 2:]
    rows, columns = np.nonzero(marked[1:-1, 1:-1] & ~around)  # no other pixel is the outermost in its direction
    if len(rows) < _LEAST_POINTS:
        return None
    pixels = np.column_stack([columns + 0.5, rows + 0.5])
    low, high = np.quantile(pixels, (0.01, 0.99), axis=0)
    for share in _SEEN_FROM:
        found = _fitted(pixels, low + (high - low) * np.array(share), ink.shape, least_ratio)
        if found is not None:
            return found
    return None


def _fitted(pixels: Points, seen_from: Points, shape: tuple[int, ...], least_ratio: float) -> Ellipse | None:
    """The ellipse whose edge is seen from a point inside of it."""
    x, y = seen_from.tolist()
    edge = _edge(pixels, Ellipse(x, y, 1.0, 1.0, 0.0), shape)
    if len(edge) < _LEAST_POINTS:
        return None
    best = _best(edge, _candidates(edge, shape, least_ratio))
    for near in _NEAR:
        if best is None:
            return None
        edge = _edge(pixels, best, shape, _BEYOND)
        best = _refined(edge[abs(best.radii(edge) - 1) < near], least_ratio, best)
    return best if best is not None and _is_seen(pixels, best, shape) else None


def _edge(pixels: Points, around: Ellipse, shape: tuple[int, ...], most: float = np.inf) -> Points:
    """The outermost of these pixels, (N, 2) of x and y, in each direction in which there are any.

    Directions and distances are those of a circle into which `around` is stretched; distances of `most` and more do
    not count, nor do pixels at the border of the picture, where the ink may go on.
    """
    across, down = around.unit(pixels)
    distance = np.hypot(across, down)
    direction = ((np.arctan2(down, across) / (2 * np.pi) + 0.5) * DIRECTIONS).astype(np.int64) % DIRECTIONS
    order = np.lexsort((distance, direction))
    order = order[distance[order] < most]
    last = np.append(direction[order][1:] != direction[order][:-1], True)[: len(order)]
    outermost = order[last]
    found = pixels[outermost]
    inside = (found > 1).all(1) & (found < np.array([shape[1], shape[0]]) - 1).all(1)
    out = (found - (around.x, around.y)) / np.maximum(np.hypot(*(found - (around.x, around.y)).T), 1e-9)[:, None]
    return np.asarray((found + 0.5 * out)[inside])  # from the middle of a pixel to its edge


def _candidates(edge: Points, shape: tuple[int, ...], least_ratio: float) -> Rows:
    """Circles through three points and ellipses through five, of all sizes that a stamp of such a crop may have."""
    rows = np.concatenate([_circles(edge), _ellipses(edge)])
    major, minor = rows[:, 2], rows[:, 3]
    return rows[(minor > _LEAST_RADIUS_PX) & (major < 1.2 * max(shape)) & (minor >= least_ratio * major)]


def _circles(edge: Points) -> Rows:
    a, b, c = np.moveaxis(edge[_draws(_CIRCLES, 3, len(edge))], 1, 0)
    matrix = 2 * np.stack([b - a, c - a], 1)
    right = np.stack([(b**2 - a**2).sum(1), (c**2 - a**2).sum(1)], 1)
    usable = abs(np.linalg.det(matrix)) > 1e-6
    centres = np.linalg.solve(matrix[usable], right[usable][..., None])[..., 0]
    radii = np.hypot(*(centres - a[usable]).T)
    return np.column_stack([centres, radii, radii, np.zeros_like(radii)])


def _ellipses(edge: Points) -> Rows:
    middle, scale = edge.mean(0), max(float(np.ptp(edge)), 1.0)
    x, y = np.moveaxis(((edge - middle) / scale)[_draws(_ELLIPSES, 5, len(edge))], 2, 0)
    # The last right singular vector, which a zero row makes part of the smaller decomposition.
    points = np.stack([x * x, x * y, y * y, x, y, np.ones_like(x)], 2)
    conics = np.linalg.svd(np.pad(points, ((0, 0), (0, 1), (0, 0))), full_matrices=False)[2][:, -1]
    return _geometry(conics, middle, scale)


@lru_cache(maxsize=1024)
def _draws(count: int, size: int, points: int) -> NDArray[np.int64]:
    """`count` draws of `size` of so many points, the same ones each time, each from its own part of the way around."""
    rng = np.random.default_rng([count, size])
    spread = (np.arange(size) + rng.uniform(0, 0.8, (count, size))) / size + rng.uniform(0, 1, (count, 1))
    return np.asarray((spread % 1.0 * points).astype(np.int64) % points)


def _best(edge: Points, candidates: Rows) -> Ellipse | None:
    """The one on which most of the points lie, and beyond which there are few."""
    if not len(candidates):
        return None
    x, y, major, minor, degrees = candidates.T[:, :, None]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    across, down = edge[:, 0] - x, edge[:, 1] - y
    radii = np.hypot((cosine * across + sine * down) / major, (cosine * down - sine * across) / minor)
    off = radii - 1
    scores = np.clip(1 - (off / _NEAR[0]) ** 2, 0, None).sum(1) - _OUTSIDE_COST * (off > _NEAR[0]).sum(1)
    best = int(scores.argmax())
    return Ellipse(*candidates[best].tolist()) if scores[best] > 0 else None


def _refined(edge: Points, least_ratio: float, before: Ellipse) -> Ellipse | None:
    """The ellipse that fits all these points best, and a circle where they are too few for one."""
    if len(edge) < _LEAST_POINTS:
        return None
    fitted = _least_squares(edge) if len(edge) >= _WELL_SEEN * DIRECTIONS else None
    if fitted is not None and fitted.semi_minor >= least_ratio * fitted.semi_major:
        return fitted
    if before.semi_major > 1.02 * before.semi_minor:
        return before
    solution = np.linalg.lstsq(np.column_stack([2 * edge, np.ones(len(edge))]), (edge**2).sum(1), rcond=None)[0]
    x, y, rest = solution.tolist()
    radius = max(rest + x * x + y * y, 0.0) ** 0.5
    return Ellipse(x, y, radius, radius, 0.0) if radius > _LEAST_RADIUS_PX else None


def _least_squares(edge: Points) -> Ellipse | None:
    """Direct least squares with the constraint of an ellipse, by Halir and Flusser's stable partition."""
    middle, scale = edge.mean(0), max(float(np.ptp(edge)), 1.0)
    x, y = ((edge - middle) / scale).T
    quadratic, linear = np.column_stack([x * x, x * y, y * y]), np.column_stack([x, y, np.ones_like(x)])
    crossed = quadratic.T @ linear
    try:
        follow = -np.linalg.solve(linear.T @ linear, crossed.T)
    except np.linalg.LinAlgError:
        return None
    reduced = quadratic.T @ quadratic + crossed @ follow
    vectors = np.linalg.eig(np.stack([reduced[2] / 2, -reduced[1], reduced[0] / 2]))[1].real
    elliptic = 4 * vectors[0] * vectors[2] - vectors[1] ** 2 > 0
    if not elliptic.any():
        return None
    first = vectors[:, elliptic][:, 0]
    rows = _geometry(np.concatenate([first, follow @ first])[None], middle, scale)
    return Ellipse(*rows[0].tolist()) if len(rows) else None


def _geometry(conics: NDArray[np.float64], middle: Points, scale: float) -> Rows:
    """Of conics a x^2 + b x y + c y^2 + d x + e y + f = 0, (N, 6), those that are ellipses.

    Their x and y are of points less `middle`, over `scale`; what is returned is of the points.
    """
    conics = conics * np.where(conics[:, :1] < 0, -1, 1)
    a, b, c, d, e, f = conics.T
    determinant = 4 * a * c - b * b
    elliptic = determinant > 1e-9
    a, b, c, d, e, f, determinant = (each[elliptic] for each in (a, b, c, d, e, f, determinant))
    x, y = (b * e - 2 * c * d) / determinant, (b * d - 2 * a * e) / determinant
    level = -(f + (d * x + e * y) / 2)
    half = np.hypot(a - c, b) / 2
    real = level > 0
    squares = [level[real] / ((a + c) / 2 + sign * half)[real] for sign in (-1, 1)]
    # The longer axis lies along the eigenvector of the smaller eigenvalue.
    degrees = np.degrees(np.arctan2(-b, c - a)[real] / 2)
    major, minor = np.sqrt(squares) * scale
    return np.column_stack([x[real] * scale + middle[0], y[real] * scale + middle[1], major, minor, degrees])


def _is_seen(pixels: Points, ellipse: Ellipse, shape: tuple[int, ...]) -> bool:
    edge = _edge(pixels, ellipse, shape, _BEYOND)
    return int((abs(ellipse.radii(edge) - 1) < _NEAR[-1]).sum()) >= _LEAST_SEEN * DIRECTIONS

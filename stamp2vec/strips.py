"""A stamp's straightened parts, and where on its crop each of them lies."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Reading(StrEnum):
    """Which way the letters of a ring stand: a strip has them upright and from left to right."""

    CLOCKWISE = "clockwise"  # their tops point outwards
    COUNTERCLOCKWISE = "counterclockwise"  # their tops point to the centre, as along a lower arc


@dataclass(frozen=True, slots=True)
class Ellipse:
    """The outer edge of a round or oval stamp, in pixels of its crop, (0, 0) its top left corner.

    `rotation_degrees` is that of the longer semi-axis from the x axis, clockwise, from -90 to 90.
    """

    x: float
    y: float
    semi_major: float
    semi_minor: float
    rotation_degrees: float

    @property
    def radius(self) -> float:
        """The mean of the semi-axes."""
        return (self.semi_major + self.semi_minor) / 2

    def inset(self, level: float) -> "Ellipse":
        """The ellipse inside of this one that is everywhere as far from it as 1 - `level` is of `radius`."""
        inset, least = (1 - level) * self.radius, 0.01 * self.radius  # a thin ellipse has no far inside
        return replace(
            self, semi_major=max(self.semi_major - inset, least), semi_minor=max(self.semi_minor - inset, least)
        )

    def scaled(self, factor: float) -> "Ellipse":
        """The same in a picture so many times as large."""
        axes = {"semi_major": self.semi_major * factor, "semi_minor": self.semi_minor * factor}
        return replace(self, x=self.x * factor, y=self.y * factor, **axes)

    def points(self, turns: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where on it the circle's points (N,) lie of which it is the image, in radians from its longer semi-axis."""
        turn = np.radians(self.rotation_degrees)
        along, beside = self.semi_major * np.cos(turns), self.semi_minor * np.sin(turns)
        x = self.x + along * np.cos(turn) - beside * np.sin(turn)
        return np.stack([x, self.y + along * np.sin(turn) + beside * np.cos(turn)], -1)

    def unit(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points (N, 2), x and y, in the frame in which this is the circle of radius 1: (2, N), along both axes."""
        turn = np.radians(self.rotation_degrees)
        across, down = points[:, 0] - self.x, points[:, 1] - self.y
        along = (np.cos(turn) * across + np.sin(turn) * down) / self.semi_major
        beside = (np.cos(turn) * down - np.sin(turn) * across) / self.semi_minor
        return np.stack([along, beside])

    def radii(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far out points (N, 2) are: 0 at the centre, 1 on the ellipse."""
        return np.asarray(np.hypot(*self.unit(points)))


@dataclass(frozen=True, slots=True)
class Ring:
    """A band around the centre of a stamp.

    `inner` and `outer` are its edges: the ellipse's insets of these levels, of which 1 is the ellipse itself, since the
    letters of an oval seal are as high at its ends as in its middle. It begins in the direction
    `start_degrees`, clockwise from the top of the crop, 0 to 360, and goes on for `span_degrees` the way that its
    letters are read.
    """

    ellipse: Ellipse
    inner: float
    outer: float
    start_degrees: float
    span_degrees: float
    reading: Reading


@dataclass(frozen=True, slots=True)
class Line:
    """A rectangle around lines of text: its middle, its sides and its clockwise rotation, in pixels of the crop."""

    x: float
    y: float
    width: float
    height: float
    angle_degrees: float

    def scaled(self, factor: float) -> "Line":
        """The same in a picture so many times as large."""
        sides = {"width": self.width * factor, "height": self.height * factor}
        return replace(self, x=self.x * factor, y=self.y * factor, **sides)


Place = Ring | Line


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A part of a stamp with its text straight and upright.

    `pixels`, uint8 (h, w, 3), is the page, `ink`, uint8 (h, w), the stamp's soft mask, 255 where there is surely ink.
    What lies outside of the crop is paper. `place` is where on the crop it comes from.
    """

    pixels: NDArray[np.uint8]
    ink: NDArray[np.uint8]
    place: Place

"""Bands of a score: how many points a measured value gets."""

Bands = tuple[tuple[float, int], ...]
"""The highest value of each band and its points, from low to high; the last band is open."""


def points(bands: Bands, value: float) -> int:
    """Return the points of the band that holds the value; what is no number falls into the first band."""
    return next(score for highest, score in bands if not value > highest)

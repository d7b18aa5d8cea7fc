"""The ink of a stamp, told from print, pen and paper by the light that each absorbs: pure functions on arrays."""

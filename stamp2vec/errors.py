"""Every error that the library raises on purpose; its text says `what is wrong: what to do next`, in one phrase."""


class Stamp2vecError(Exception):
    """The base of them all."""


class InvalidInput(Stamp2vecError):
    """The caller sent something that cannot be worked with."""

    def __init__(self, message: str, field: str = "") -> None:
        """`field` is the path of the value at fault, for example `images[2].encoded`; empty when unknown."""
        super().__init__(message)
        self.field = field


class InvalidImage(InvalidInput):
    """Bytes or pixels that are no usable picture: not an image, cut short, too large, empty."""


class IncompatibleVectors(InvalidInput):
    """Vectors of different models, or of different versions of one: they mean different things."""


class ModelNotFound(Stamp2vecError):
    """No model has this name, version or preset."""


class WeightsError(Stamp2vecError):
    """A model's files are missing, damaged, of a forbidden format, or do not fit its architecture."""

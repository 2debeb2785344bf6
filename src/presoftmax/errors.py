"""The named errors and the warning of presoftmax.

Each message is one line that says what is wrong, where, and what to do about it: the command line
prints it as it is.
"""

__all__ = ["AttackError", "DataError", "ModelError", "PresoftmaxError", "PresoftmaxWarning", "RunError", "StudyError"]


class PresoftmaxError(Exception):
    """Something that the user can put right."""


class ModelError(PresoftmaxError, ValueError):
    """A model that does not exist, cannot be loaded, or does not answer with logits."""


class DataError(PresoftmaxError, ValueError):
    """Images or labels that cannot be read, or do not fit the model."""


class AttackError(PresoftmaxError, ValueError):
    """An attack or a target that makes no sense for the model or the images."""


class RunError(PresoftmaxError, ValueError):
    """A run folder that cannot be made or read."""


class StudyError(PresoftmaxError, ValueError):
    """A study that makes no sense, or a study folder that cannot be gone on with."""


class PresoftmaxWarning(UserWarning):
    """Something that went on, but that a careful reader would want to know."""


def first_line(error: BaseException, limit: int = 160) -> str:
    """The first line of somebody else's message, cut to ``limit`` characters; the error's class where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:limit]

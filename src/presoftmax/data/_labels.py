"""What a label that is written in words or numbers stands for, and which class ImageNet's folders are."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec

from presoftmax.errors import DataError

__all__ = ["WORDNET_ID", "imagenet_positions", "label_of"]

WORDNET_ID = re.compile(r"n\d{8}")
_WHOLE = re.compile(r"([+-]?\d+)([.,]0*)?")
_CLASSES_OF_IMAGENET = 1000
_LARGEST = 2**31


def label_of(where: str, file: str, text: str, class_names: Sequence[str] | None) -> int:
    """The class that a label stands for: a number (also ``3.0``), the name of a class, or a WordNet id.

    Raises:
        DataError: none of these, or a number of no class.
    """
    if (found := _WHOLE.fullmatch(text)) is not None:
        return _checked(where, file, int(found[1]), class_names)
    if class_names is not None and (numbers := _named(text, class_names)):
        if len(numbers) > 1:
            listed = " and ".join(map(str, numbers))
            raise DataError(f"{where}: {text!r} is the name of the classes {listed}; give the class number")
        return numbers[0]
    if WORDNET_ID.fullmatch(text) and len(class_names or range(_CLASSES_OF_IMAGENET)) == _CLASSES_OF_IMAGENET:
        return imagenet_positions(f"{where}: {text!r}", [text])[text]
    nor = ", nor a class name" if class_names is not None else ""
    raise DataError(f"{where}: label {text!r} of {file!r} is not a whole number{nor}")


def imagenet_positions(where: str, wanted: Iterable[str]) -> Mapping[str, int]:
    """The classes of ImageNet-1k by their WordNet ids, as timm lists them.

    Raises:
        DataError: timm is missing, or an id that is none of them.
    """
    if find_spec("timm") is None:
        raise DataError(
            f"{where}; which classes they are, timm knows: pip install 'presoftmax[timm]', or name them by class "
            "number, or give a CSV of labels"
        )
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    position = {info.index_to_label_name(number): number for number in range(info.num_classes())}
    unknown = [name for name in wanted if name not in position]
    if unknown:
        raise DataError(f"{where}: {unknown[0]} is no class of ImageNet-1k")
    return position


def _checked(where: str, file: str, number: int, class_names: Sequence[str] | None) -> int:
    if number > _LARGEST:
        raise DataError(f"{where}: label {number} of {file!r} is no class; so many there are not")
    if number < 0:
        raise DataError(f"{where}: label {number} of {file!r} is no class; classes are counted from 0")
    if class_names is not None and number >= len(class_names):
        one = " (are they counted from 1?)" if number == len(class_names) else ""
        last = len(class_names) - 1
        raise DataError(
            f"{where}: label {number} of image {file!r} is out of range: the model has classes 0 to {last}{one}"
        )
    return number


def _named(text: str, class_names: Sequence[str]) -> list[int]:
    """The classes of this name: to the letter, else in any case and with any of space, ``_`` and ``-``."""
    exact = [number for number, name in enumerate(class_names) if name == text]
    return exact or [number for number, name in enumerate(class_names) if _loose(name) == _loose(text)]


def _loose(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()

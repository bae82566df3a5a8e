"""Which words a detector looks for, and the class that each of them stands for."""

from collections.abc import Iterable
from typing import NamedTuple

from mass13k_tools.errors import DatasetError


class Phrase(NamedTuple):
    """A thing to look for."""

    text: str
    """In small letters, as detectors learned them."""
    class_name: str


def phrases_of(prompts: Iterable[str]) -> tuple[Phrase, ...]:
    """Read prompts: each a class name, or CLASS=PHRASE . PHRASE of one class.

    Args:
        prompts: As the user wrote them.

    Raises:
        DatasetError: One is empty, or two classes have a phrase in common.

    Example:
        >>> [tuple(phrase) for phrase in phrases_of(["Bus", "car=sedan . pickup truck"])]
        [('bus', 'Bus'), ('sedan', 'car'), ('pickup truck', 'car')]
    """
    classes: dict[str, str] = {}
    for prompt in prompts:
        name, sign, text = prompt.partition("=")
        texts = [" ".join(part.split()) for part in (text if sign else name).split(".")]
        wanted = [part for part in texts if part]
        if not wanted or not name.strip():
            raise DatasetError(
                f"prompt '{prompt}' names nothing to look for, expected such as 'car' or "
                "'car=sedan . pickup truck'"
            )
        for part in wanted:
            class_name = name.strip() if sign else part
            if classes.setdefault(part.lower(), class_name) != class_name:
                raise DatasetError(
                    f"phrase '{part}' stands for '{classes[part.lower()]}' and for "
                    f"'{class_name}', expected one class"
                )
    if not classes:
        raise DatasetError("no prompt, expected at least one, such as 'car'")
    return tuple(Phrase(text, name) for text, name in classes.items())

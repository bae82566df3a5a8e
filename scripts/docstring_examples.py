"""Shows the examples of docstrings as code on the API pages; mkdocs.yml names it."""

import re
from typing import Any

from griffe import Extension, Object


class OneExample(Extension):
    """Takes "Example:" for the section that griffe knows only as "Examples:"."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Rename the section in the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(
                r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE
            )

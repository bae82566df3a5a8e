"""The one exception that users are meant to read."""


class DatasetError(ValueError):
    """Something in the user's data or request is wrong.

    The message is one line: what was found, where, what was expected, what to do next. The command
    line prints it without a traceback and exits with 1.
    """

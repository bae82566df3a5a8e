"""Keeps what was made last, up to so many bytes, and makes nothing twice at a time."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

Value = TypeVar("Value")


class Cache:
    """Values by key, those that were asked for longest ago forgotten first.

    Threads may share it: who asks for a value that another is making waits for it.
    """

    def __init__(self, most_bytes: int) -> None:
        """Start empty.

        Args:
            most_bytes: Of all values together; a larger value is given but not kept.
        """
        self.most_bytes = most_bytes
        self.held_bytes = 0
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, Future[Any]] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Give the value of a key, made now if it is not held.

        Args:
            key: Of the value.
            make: Makes it: an array or bytes. What it raises is raised here, too, and not kept.
        """
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                value: Value = self._held[key][0]
                return value
            others = self._making.get(key)
            mine: Future[Any] = Future()
            if others is None:
                self._making[key] = mine
        if others is not None:
            shared: Value = others.result()
            return shared
        try:
            value = make()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            self._keep(key, value)
            mine.set_result(value)
            return value
        finally:
            with self._lock:
                del self._making[key]

    def _keep(self, key: Hashable, value: Any) -> None:
        size = len(value) if isinstance(value, bytes) else int(value.nbytes)
        if size > self.most_bytes:
            return
        with self._lock:
            self._held[key] = value, size
            self.held_bytes += size
            while self.held_bytes > self.most_bytes:
                _, (_, freed) = self._held.popitem(last=False)
                self.held_bytes -= freed

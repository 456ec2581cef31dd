"""A signal inside this process: the log has grown."""

from collections.abc import Callable


class AppendSignal:
    """Calls its listeners in the thread that emits, so a listener must return at once."""

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[], None], ...] = ()

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each append from now on."""
        self._listeners = (*self._listeners, listener)

    def emit(self) -> None:
        """Call every listener."""
        for listener in self._listeners:
            listener()

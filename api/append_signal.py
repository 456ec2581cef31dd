"""A signal inside this process: the log has grown."""

from collections.abc import Callable


class AppendSignal:
    """Calls its listeners in the thread that emits, so a listener must return at once."""

    def __init__(self, *listeners: Callable[[], None]) -> None:
        self.listeners = listeners

    def emit(self) -> None:
        """Call every listener."""
        for listener in self.listeners:
            listener()

"""A bell that rings when the log has grown, for whoever in this process waits for that."""

from collections.abc import Callable


class Bell:
    """Those who listen are called in the thread that rings, so they only note it and return at once."""

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[], None], ...] = ()

    def listen(self, heard: Callable[[], None]) -> None:
        """Calls `heard` whenever the log has grown, from now on."""
        self._listeners = (*self._listeners, heard)

    def ring(self) -> None:
        """The log has grown."""
        for heard in self._listeners:
            heard()

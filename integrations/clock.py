"""The type of the clock that is handed in; nothing in `integrations/` reads the time by itself."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]

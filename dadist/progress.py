"""A live line for whoever waits: where a loop stands, how fast it goes, when it ends."""

import logging
import time

logger = logging.getLogger(__name__)


class Progress:
    """Logs a line at most every few seconds, so that terminals and log files both stay readable."""

    def __init__(self, name: str, total: int, begin: int = 0, every_s: float = 5.0) -> None:
        self.name, self.total, self.begin, self.every_s = name, total, begin, every_s
        self.begun = self.last = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        """Report that ``done`` of the total are done; ``note`` is appended."""
        now = time.monotonic()
        if now - self.last < self.every_s and done < self.total:
            return
        self.last = now
        rate = (done - self.begin) / max(now - self.begun, 1e-9)
        left_s = (self.total - done) / max(rate, 1e-9)
        logger.info("%s %d/%d  %.3g/s  %.0f s left  %s", self.name, done, self.total, rate, left_s, note)

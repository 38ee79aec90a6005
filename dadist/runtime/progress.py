"""A live line for whoever waits: where a loop stands, how fast it goes, when it ends."""

import logging
import sys
import time

logger = logging.getLogger(__name__)

TERMINAL_S = 0.2  # between two states of the one line that a terminal gets
FIRST_S, LAST_S = 5.0, 60.0  # between two lines of a log: often at first, then less, so that a week fits a screenful


class Progress:
    """One line that changes, on a terminal; in a log, a line now and then, rarer the longer it goes on.

    Args:
        name: What is counted, in the singular.
        total: How many there are.
        begin: How many were done before.
    """

    def __init__(self, name: str, total: int, begin: int = 0) -> None:
        self.name, self.total, self.begin = name, total, begin
        self.begun = self.last = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        """Report that ``done`` of the total are done; ``note`` is appended."""
        now, live = time.monotonic(), sys.stderr.isatty()
        wait = TERMINAL_S if live else min(max(FIRST_S, (now - self.begun) / 20), LAST_S)
        if now - self.last < wait and done < self.total:
            return
        self.last = now
        rate = (done - self.begin) / max(now - self.begun, 1e-9)
        left = _long((self.total - done) / max(rate, 1e-9))
        share = 100 * done // max(self.total, 1)
        line = f"{self.name} {done}/{self.total} ({share} %)  {rate:.3g}/s  {left} left  {note}".rstrip()
        if not live:
            logger.info(line)
            return
        # To the beginning of the line, and away with what is longer than the new one.
        sys.stderr.write(f"\r{line}\x1b[K" + ("\n" if done >= self.total else ""))
        sys.stderr.flush()

    def interrupt(self, text: str) -> None:
        """Write a line of its own to stderr, which takes the place of the one that changes."""
        sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + f"{text}\n")


def _long(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"

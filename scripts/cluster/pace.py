"""How long may anything take here? SLOWER=3 is for a machine on which others work as well: whatever is waited for has
three times as long, and so have pods between the news that they end and their end.
"""

import os

SLOWER = float(os.environ.get("SLOWER", "1"))


def longest(seconds):
    return seconds * SLOWER


def written(seconds):
    """As helm, kubectl and the gateway read it."""
    return f"{round(longest(seconds))}s"

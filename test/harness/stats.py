# SPDX-License-Identifier: MIT
"""Reads what `elfin run --stats` prints at the end."""
import re


def read_counts(text):
    """(calls made, of them by trap), or None without the line."""
    calls = re.search(r"stats: system calls (\d+), by trap (\d+)", text)
    return (int(calls[1]), int(calls[2])) if calls else None


def rewritten_share(text):
    """Per cent of the calls made that came from rewritten sites, or None. A trap counts against,
    also the one that has its site rewritten."""
    counts = read_counts(text)
    if counts is None or counts[0] == 0:
        return None
    calls, trapped = counts
    return 100 * (calls - trapped) / calls

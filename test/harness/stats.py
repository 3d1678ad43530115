# SPDX-License-Identifier: MIT
"""Reads what `elfin run --stats` prints at the end."""
import re


def read_counts(text):
    """(calls made, of them by trap, sites rewritten), or None when the lines are not there."""
    calls = re.search(r"stats: system calls (\d+), by trap (\d+)", text)
    sites = re.search(r"stats: .*\b(?:rewritten (\d+)|(\d+) rewritten)", text)
    if not calls or not sites:
        return None
    return int(calls[1]), int(calls[2]), int(sites[1] or sites[2])


def rewritten_share(text):
    """Per cent of the calls made that came from rewritten sites, or None. The first call of a site
    traps, by design, and has it rewritten: it counts as the rewritten site's."""
    counts = read_counts(text)
    if counts is None or counts[0] == 0:
        return None
    calls, trapped, rewritten = counts
    return 100 * (calls - max(0, trapped - rewritten)) / calls

# SPDX-License-Identifier: MIT
"""Reads what `elfin run --stats` prints at the end."""
import re


def read_counts(text):
    """(calls made, of them by trap, sites that a trap had rewritten), or None without the lines."""
    calls = re.search(r"stats: system calls (\d+), by trap (\d+)", text)
    sites = re.search(r"stats: sites seen \d+, rewritten (\d+) \((\d+) of them before", text)
    if not calls or not sites:
        return None
    return int(calls[1]), int(calls[2]), int(sites[1]) - int(sites[2])


def rewritten_share(text):
    """Per cent of the calls made that came from rewritten sites, or None. The trap that has a site
    rewritten, at most one a site, counts as the rewritten site's; every other trap counts against.
    """
    counts = read_counts(text)
    if counts is None or counts[0] == 0:
        return None
    calls, trapped, by_trap = counts
    return 100 * (calls - max(0, trapped - by_trap)) / calls

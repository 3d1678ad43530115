# SPDX-License-Identifier: MIT
"""Ends with a traceback."""


def divide(x):
    return 1 // x


print("before")
divide(0)

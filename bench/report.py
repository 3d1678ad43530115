# SPDX-License-Identifier: MIT
"""Samples, their medians, tables, and figures against targets."""
import statistics
import sys

import measure

verdicts = []
failures = []


def judge(text, value, limit, unit):
    """A figure with a target; value None means that there is none."""
    if value is None:
        verdicts.append(f"MISS {text}: not measured, target at most {limit} {unit}")
        return
    word = "PASS" if value <= limit else "MISS"
    verdicts.append(f"{word} {text}: {value:.4g} {unit}, target at most {limit} {unit}")


def collect(runs, samplers):
    """{name: [samples]} of the samplers {name: function}, interleaved. A failing one is dropped."""
    samples, broken = {n: [] for n in samplers}, set()
    for _ in range(runs):
        for name, sample in samplers.items():
            if name in broken:
                continue
            try:
                samples[name].append(sample())
            except (measure.Trouble, OSError) as e:
                broken.add(name)
                print(f"note: {name}: {str(e).strip()}")
    return samples


def medians(samples):
    """Of dicts of figures: {way: {figure: median}}."""
    result = {}
    for name, dicts in samples.items():
        keys = dict.fromkeys(k for d in dicts for k in d)
        result[name] = {k: statistics.median(d[k] for d in dicts if k in d) for k in keys}
    return result


def median(values):
    return statistics.median(values) if values else None


def show(value):
    return "-" if value is None else f"{value:.4g}" if value < 1000 else f"{value:,.0f}"


def print_table(title, columns, rows):
    """rows: [(label, [text])]"""
    widths = [max(len(c), *(len(r[1][i]) for r in rows)) for i, c in enumerate(columns)]
    first = max(len(r[0]) for r in rows)
    print(f"\n{title}")
    print(" " * first, *(c.rjust(w) for c, w in zip(columns, widths)), sep="  ")
    for label, cells in rows:
        print(label.ljust(first), *(c.rjust(w) for c, w in zip(cells, widths)), sep="  ")
    sys.stdout.flush()


def ratio(a, b):
    return f"{a / b:.2f}" if a is not None and b else "-"


def print_figures(title, found, names):
    """One row a figure, one column a way, and the two ratios that count."""
    rows = []
    if not names:
        print(f"{title}: no figures")
        return
    for name in names:
        cells = [found.get(w, {}).get(name) for w in found]
        native = found.get("host", found.get("host, 1 CPU", {}))
        host = ratio(found.get("elfin kvm", {}).get(name), native.get(name))
        guest = ratio(found.get("elfin tcg", {}).get(name), found.get("linux tcg", {}).get(name))
        rows.append((name, [show(c) for c in cells] + [host, guest]))
    print_table(title, list(found) + ["kvm/host", "tcg/linux"], rows)


def quotient(a, b, name, under=None):
    under = under or name
    return a[name] / b[under] if a.get(name) and b.get(under) else None

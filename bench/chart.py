#!/usr/bin/env python3
"""Draws server CPU per request from result files of "bench.py bench".

    chart.py OUT.svg results/bench-LABEL.json ...

One group of bars for each endpoint, one bar for each server: the median of the rounds. Standard library only.
"""

import json
import statistics
import sys
from xml.sax.saxutils import escape

COLOURS = {
    "nuages": "#1f6feb", "nuages-full": "#0b3d91", "nuages-postgres": "#1f6feb", "nuages-redis": "#1f6feb",
    "raw-hyper": "#9a9a9a", "raw-hyper-full": "#5f5f5f",
}  # fmt: skip
OTHERS = ["#d4843e", "#8c6bb1", "#4d9a6a", "#c2568c", "#b0a030", "#70b0c0"]
BAR, GAP, LEFT, WIDTH = 15, 16, 150, 760


def medians(files):
    """endpoint -> server -> microseconds, both in the order in which they come."""
    samples = {}
    for file in files:
        with open(file) as f:
            found = json.load(f)
        for s in found["data"]["samples"]:
            endpoint = f"{s['endpoint']} c{s['conns']}"
            samples.setdefault(endpoint, {}).setdefault(s["server"], []).append(s["cpu_us"])
    return {e: {s: statistics.median(v) for s, v in by.items()} for e, by in samples.items()}


def draw(table):
    others = iter(OTHERS * 3)
    colours = dict(COLOURS)
    rows, y = [], 34
    longest = max(v for by in table.values() for v in by.values())
    for endpoint, by in table.items():
        top = y
        for server, value in by.items():
            colour = colours.setdefault(server, next(others) if server not in colours else "")
            width = max(1, (WIDTH - LEFT - 230) * value / longest)
            rows.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            rows.append(
                f'<text x="{LEFT + width + 5:.1f}" y="{y + BAR - 5}">{value:,.1f} µs <tspan class="s">'
                f"{escape(server)}</tspan></text>"
            )
            y += BAR
        rows.append(f'<text x="{LEFT - 8}" y="{(top + y) / 2 + 4}" text-anchor="end" class="e">{escape(endpoint)}</text>')
        y += GAP
    style = "text{font:11px sans-serif;fill:#222}.s{fill:#777}.e{font-weight:bold}.t{font-size:13px}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{LEFT}" y="20" class="t">Server CPU per request, the store\'s included (less is better)</text>'
        + "".join(rows)
        + "</svg>\n"
    )


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    table = medians(sys.argv[2:])
    if not table:
        sys.exit("there are no samples in these files")
    with open(sys.argv[1], "w") as f:
        f.write(draw(table))


if __name__ == "__main__":
    main()

# /// script
# requires-python = ">=3.9"
# dependencies = ["matplotlib"]
# ///
"""Draws what `seqd bench compare --json` has measured, as README shows it:

    seqd bench compare --json > compare.json
    pip install matplotlib
    python3 cmd/seqd/bench/plot.py compare.json cmd/seqd/bench/latency.svg

A panel for each number of keys, and in it two lines for each peer, from the fewest callers to the most.
"""
import json
import sys

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "seqd", "font.family": "sans-serif"})
import matplotlib.pyplot as plt

COLOURS = ["#000000", "#0072B2", "#D55E00", "#CC79A7", "#882255", "#009E73", "#E69F00", "#56B4E9"]  # also for the colour-blind
MARKS = "oso^sD^Dv<>"  # as many as have no divisor in common with the colours, so that the first 88 peers differ


def time(us, _=None):
    return f"{us / 1e6:.3g} s" if us >= 1e6 else f"{us / 1e3:.3g} ms" if us >= 1e3 else f"{us:.3g} µs"


def main(measured, picture):
    with open(measured, encoding="utf-8") as file:
        comparison = json.load(file)
    rows = sorted((r for r in comparison["rows"] if r["requests_per_s"] > 0), key=lambda r: r["callers"])
    peers = list(dict.fromkeys((r["id"], r["workers"]) for r in comparison["rows"]))
    keys = sorted({r["keys"] for r in rows})
    figure, panels = plt.subplots(1, len(keys), figsize=(max(5 * len(keys), 7), 6.5), sharex=True, sharey=True, squeeze=False)
    for panel, n in zip(panels[0], keys):
        for i, peer in enumerate(peers):
            mine = [r for r in rows if r["keys"] == n and (r["id"], r["workers"]) == peer]
            if not mine:
                continue
            name = mine[0]["peer"] + (f", {peer[1]} workers" if peer[1] > 1 else "") + f" ({mine[0]['durability']})"
            rate, style = [r["requests_per_s"] for r in mine], {"color": COLOURS[i % 8], "marker": MARKS[i % 11]}
            panel.plot(rate, [r["p99_us"] for r in mine], "--", alpha=0.7, markerfacecolor="white", **style)
            panel.plot(rate, [r["p50_us"] for r in mine], "-", label=name, **style)
        panel.set(xscale="log", yscale="log", title=f"{n} key" + "s" * (n > 1), xlabel="requests per second")
        panel.grid(True, color="#dddddd")
        panel.xaxis.set_major_formatter(lambda v, _: f"{v:,.0f}".replace(",", " "))
        panel.yaxis.set_major_formatter(time)
    panels[0][0].set_ylabel("latency")
    callers = ", ".join(f"{n:,}".replace(",", " ") for n in sorted({r["callers"] for r in rows}))
    figure.suptitle(f"Latency against rate: {callers} callers, medians of {comparison['rounds']} rounds\n"
                    "solid, full marks: p50; dashed, open marks: p99; in brackets: the durability of an answer", fontsize=11)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="lower center", ncols=2, frameon=False)
    figure.tight_layout(rect=(0, 0.06 + 0.012 * len(peers), 1, 1))
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])

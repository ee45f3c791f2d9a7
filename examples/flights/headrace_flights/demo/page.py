"""The result as one HTML page with its plots inside."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np

from headrace_flights.demo.figures import Judged
from headrace_flights.demo.view import Sample

mpl.use("agg")

import matplotlib.pyplot as plt

History = Sequence[tuple[float, dict[str, Sample]]]

_STYLE = """:root{color-scheme:light dark}
body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td{padding:.2rem .8rem;border-bottom:1px solid #8886;text-align:right}
td:first-child{text-align:left}figure{margin:1.5rem 0}img{max-width:100%;background:#fff;border-radius:4px}
pre{background:#8882;padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere}"""


def page(
    result: dict[str, Any],
    history: History,
    latency_ms: np.ndarray[Any, Any],
    live: Judged,
    traced: Sequence[tuple[str, str]],
    steps: Sequence[tuple[str, str]],
) -> str:
    """The page as text."""
    rows = "".join(f"<tr><td>{html.escape(k)}</td><td>{v:,}</td></tr>" for k, v in result["rows"].items())
    reasons = "".join(f"<tr><td>{html.escape(k)}</td><td>{v:,}</td></tr>" for k, v in result["quarantined"].items())
    hops = "".join(f"<h3>{html.escape(hop)}</h3><pre>{html.escape(said)}</pre>" for hop, said in traced)
    tries = "".join(f"<h3>{html.escape(what)}</h3><pre>{html.escape(paste)}</pre>" for what, paste in steps)
    again = result["recomputed"]
    return f"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Headrace: flights</title>
<style>{_STYLE}</style>
<h1>Will this flight land late?</h1>
<p>{result["records_in"]:,} raw records in; {result["lost"]} lost, {result["duplicated"]} duplicated.
Of {again["rows"]:,} rows of features {again["differ"]:,} differ from those computed anew from the lake in event-time
order ({again["late"]:,} rows came late).
AUC {result["auc"]:.4f} and log-loss {result["log_loss"]:.4f} on the live phase;
{result["rows_per_second"]:,.0f} records/s; from event to prediction {result["latency_ms"]["p50"]:.0f} ms (median),
{result["latency_ms"]["p99"]:.0f} ms (99 %).</p>
<figure><figcaption>Rows per second of each service</figcaption>
<img alt="rows per second over time, by service" src="{_over_time(history)}"></figure>
<figure><figcaption>Time from a raw record to its prediction, live phase</figcaption>
<img alt="histogram of the latency" src="{_latency(latency_ms)}"></figure>
<figure><figcaption>Do scores mean what they say? On the grey line they do</figcaption>
<img alt="share that landed late, by score" src="{_calibration(live)}"></figure>
<h2>Rows in the lake</h2><table>{rows}</table><h2>Quarantine</h2><table>{reasons}</table>
<h2>One prediction, back to its raw record</h2>{hops}
<h2>What to try next</h2>{tries}</html>"""


def _over_time(history: History) -> str:
    figure, axes = plt.subplots(figsize=(9, 3))
    seconds = np.array([at for at, _ in history])
    for name in history[-1][1] if history else ():
        rows = np.array([samples[name].rows for _, samples in history])
        if len(rows) > 2:
            axes.plot(seconds[1:], np.maximum(0, np.diff(rows) / np.diff(seconds)), label=name)
    axes.set(xlabel="seconds", ylabel="rows/s")
    axes.legend(frameon=False)
    return _image(figure)


def _latency(latency_ms: np.ndarray[Any, Any]) -> str:
    figure, axes = plt.subplots(figsize=(9, 3))
    if len(latency_ms):
        bins = np.geomspace(1, max(10.0, float(latency_ms.max())), 60).tolist()
        axes.hist(np.clip(latency_ms, 1, None), bins=bins)
    axes.set(xscale="log", xlabel="ms from raw record to prediction", ylabel="predictions")
    return _image(figure)


def _calibration(live: Judged) -> str:
    figure, axes = plt.subplots(figsize=(4.5, 4.5))
    bins = np.clip((live.scores * 10).astype(int), 0, 9)
    used = [number for number in range(10) if (bins == number).any()]
    axes.plot([0, 1], [0, 1], color="#bbb")
    axes.plot([live.scores[bins == n].mean() for n in used], [live.truth[bins == n].mean() for n in used], marker="o")
    axes.set(xlabel="score", ylabel="share that landed late")
    return _image(figure)


def _image(figure: Any) -> str:  # Any: matplotlib's own types say little
    sink = BytesIO()
    figure.tight_layout()
    figure.savefig(sink, format="svg")
    plt.close(figure)
    return "data:image/svg+xml;base64," + base64.b64encode(sink.getvalue()).decode()

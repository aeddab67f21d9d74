"""Draw preservation against effect: `python examples/edit_curves.py REPORT.json OUT.png`.

The report is that of `sonicdiffusion evaluate --only edit_curves --out REPORT.json`.
"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt

report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
figure, axes = plt.subplots(figsize=(6, 4.2), layout="constrained")
for method, curve in report["edit_curves"].items():
    points = [(numbers["distance_outside"]["value"], numbers["event"]["value"]) for numbers in curve.values()]
    axes.plot(*zip(*points, strict=True), marker="o", label=method, linewidth=2.5 if method == "published" else 1.5)
    for strength, point in zip(curve, points, strict=True):
        axes.annotate(strength, point, textcoords="offset points", xytext=(4, 4), fontsize=7)
axes.set(
    xlabel="distance to the true edit outside the event (lower: better kept)",
    ylabel="event recognised (higher: more effect)",
    xlim=(0, None),
    ylim=(0, 1),
)
axes.legend(title="method, by edit strength")
figure.savefig(sys.argv[2], dpi=110)

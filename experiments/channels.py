#!/usr/bin/env python3
"""Whether noise on photographs survives a grey copy: each channel on its own (rgb) and all alike (luma).

    CROSSTALK_DATA=DIR experiments/channels.py build/release/crosstalk     # writes experiments/results/channels_utkface.csv

1,200 faces of UTKFace at 32 x 32, 8 levels, one seed, one network for all tasks with mirror images; ten minutes.
"""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

RESULT = Path(__file__).resolve().parent / "results" / "channels_utkface.csv"
SET = ["utkface", "--images", "1200", "--size", "32"]
TASKS = ["age", "race", "gender"]


def run(crosstalk, folder, *words):
    out = Path(folder) / "-".join(word.strip("-") for word in words[1:] if "/" not in word).replace(" ", "")
    subprocess.run([crosstalk, words[0], *SET, *words[1:], "--out", str(out), "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    return out


def learned(crosstalk, folder, protected, *words):
    out = run(crosstalk, folder, "verify", "--protected", str(protected), "--flip", "--jitter", "0", "--victims",
              "mtl", *words)
    return json.loads((out / "run.json").read_text())["verify"]


def row(method, channels, countermeasure, learner):
    return [method, channels, countermeasure, 1200, 32, *(f"{learner['tasks'][task]:.4f}" for task in TASKS),
            f"{learner['mean']:.4f}", f"{learner['yardstick']:.4f}"]


def main():
    crosstalk = str(Path(sys.argv[1]).resolve())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for method in ("lsp", "tap"):
            for channels in ("rgb", "luma"):
                copy = run(crosstalk, folder, "protect", "--method", method, "--channels", channels, "--withstand", "none")
                if not rows:
                    rows.append(row("clean", "", "none", learned(crosstalk, folder, copy, "--learners", "usual")["clean"]["mtl"]))
                for countermeasure in ("none", "grey"):
                    seen = learned(crosstalk, folder, copy, "--protected-only", "--countermeasure", countermeasure)
                    rows.append(row(method, channels, countermeasure, seen["protected"]["mtl"]))
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["method", "channels", "countermeasure", "images", "side", *TASKS, "mean", "majority_baseline"], *rows])


if __name__ == "__main__":
    main()

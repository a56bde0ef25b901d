#!/usr/bin/env python3
"""What the reference victim of `verify` learns of clean faces, by what it sees of each image.

    CROSSTALK_DATA=DIR experiments/reference_victim.py build/release/crosstalk FOLDER

writes experiments/results/reference_victim_utkface.csv: UTKFace, 1,200 faces at 32 x 32, 960 of them to train on, one
seed, one network for all tasks. FOLDER keeps the records; a run that has ended there is not run again.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

RESULT = Path(__file__).resolve().parent / "results" / "reference_victim_utkface.csv"
SET = ["utkface", "--images", "1200", "--size", "32", "--threads", "1", "--quiet"]
TASKS = ["age", "race", "gender"]
SEEN = [("crops", ["--no-flip", "--jitter", "0"]),
        ("crops, mirror images", ["--flip", "--jitter", "0"]),
        ("crops, mirror images, colours", ["--flip", "--jitter", "0.2"])]


def run(crosstalk, out, *words):
    if not (out / "run.json").exists():
        subprocess.run([crosstalk, words[0], *SET, *words[1:], "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    return json.loads((out / "run.json").read_text())


def main():
    crosstalk, folder = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    rows = []
    copy = folder / "copy"
    run(crosstalk, copy, "protect", "--method", "lsp")
    for number, (name, words) in enumerate(SEEN):
        clean = run(crosstalk, folder / f"victim-{number}", "verify", "--protected", str(copy), "--victims", "mtl", "--learners",
                    "usual", *words)["verify"]["clean"]["mtl"]
        rows.append([name, *(f"{clean['tasks'][task]:.4f}" for task in TASKS), f"{clean['mean']:.4f}",
                     f"{clean['yardstick']:.4f}"])
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([["seen", *TASKS, "mean", "majority_baseline"], *rows])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a learner that sees grey gets of faces that MTL-UE protects, with noise learned through grey and without.

    CROSSTALK_DATA=DIR experiments/grey_noise.py build/release/crosstalk FOLDER

writes experiments/results/grey_noise_utkface.csv: 1,200 faces of UTKFace at 32 x 32, 8 levels, one seed, networks for
all tasks, with mirror images. FOLDER keeps the copies and the records; a run that has ended there is not run again.
About 15 minutes of a core.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

RESULT = Path(__file__).resolve().parent / "results" / "grey_noise_utkface.csv"
SET = ["utkface", "--images", "1200", "--size", "32", "--threads", "1", "--flip", "--quiet"]
TASKS = ["age", "race", "gender"]


def run(crosstalk, out, *words):
    if not (out / "run.json").exists():
        subprocess.run([crosstalk, words[0], *SET, *words[1:], "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    return json.loads((out / "run.json").read_text())


def row(through, psnr, learner, result, clean):
    left = "" if clean is None else (result["mean"] - clean["yardstick"]) / (clean["mean"] - clean["yardstick"])
    return [through, psnr, learner, *(f"{result['tasks'][task]:.4f}" for task in TASKS), f"{result['mean']:.4f}",
            f"{result['yardstick']:.4f}", left if left == "" else f"{left:.4f}"]


def main():
    crosstalk, folder = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    rows, whole = [], None
    for through in ("none", "grey"):
        copy = folder / f"copy-{through}"
        psnr = run(crosstalk, copy, "protect", "--withstand", through)["protect"]["psnr"]
        for learner in ("usual", "grey"):
            seen = "none" if learner == "usual" else learner
            words = ["--protected-only"] * (through == "grey")
            verify = run(crosstalk, folder / f"verify-{through}-{learner}", "verify", "--protected", str(copy), "--victims",
                         "mtl", "--jitter", "0", "--countermeasure", seen, *words)["verify"]
            if through == "none":
                rows.append(row("clean images", "", learner, verify["clean"]["mtl"], None))
                whole = whole or verify["clean"]["mtl"]
            rows.append(row(through, f"{psnr:.2f}", learner, verify["protected"]["mtl"], whole))
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["learned_through", "psnr", "learner", *TASKS, "mean", "majority_baseline", "left"], *rows])


if __name__ == "__main__":
    main()

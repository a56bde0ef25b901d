#!/usr/bin/env python3
"""What cheap learners get of faces that MTL-UE protects, with noise learned through grey and without.

    CROSSTALK_DATA=DIR experiments/grey_noise.py build/release/crosstalk FOLDER

writes experiments/results/grey_noise_utkface.csv: 1,200 faces of UTKFace at 32 x 32, 8 levels, one seed, networks for
all tasks. FOLDER keeps the copies and the records; a run that has ended there is not run again. About 20 minutes of a
core.
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


def main():
    crosstalk, folder = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    rows = []
    for through in ("none", "grey"):
        copy = folder / f"copy-{through}"
        psnr = run(crosstalk, copy, "protect", "--withstand", through)["protect"]["psnr"]
        verify = run(crosstalk, folder / f"verify-{through}", "verify", "--protected", str(copy), "--victims", "mtl")["verify"]
        clean = verify["clean"]["mtl"]
        if not rows:
            rows.append(["", "", "usual, clean images", *(f"{clean['tasks'][task]:.4f}" for task in TASKS),
                         f"{clean['mean']:.4f}", f"{clean['yardstick']:.4f}", ""])
        for learner in verify["learners"]:
            rows.append([through, f"{psnr:.2f}", learner["learner"], *(f"{learner['tasks'][task]:.4f}" for task in TASKS),
                         f"{learner['mean']:.4f}", f"{learner['yardstick']:.4f}", f"{learner['left']:.4f}"])
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["learned_through", "psnr", "learner", *TASKS, "mean", "majority_baseline", "left"], *rows])


if __name__ == "__main__":
    main()

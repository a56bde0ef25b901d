#!/usr/bin/env python3
"""What the learners of `verify` get back of faces that MTL-UE protects with its defaults, one run for each learner.

    CROSSTALK_DATA=DIR experiments/learners.py build/release/crosstalk FOLDER [--collect]

writes experiments/results/learners_utkface.csv: 1,200 faces of UTKFace at 32 x 32, noise of 8 levels and, for four
learners, of 16; one seed, networks for all tasks, with mirror images. `pairsN` has the originals of N of the 960
published images that it learns. FOLDER keeps the copies and the records, that of experiments/agreement.py, too; a run
that has ended there is not run again. --collect runs nothing more and takes what has ended.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

RESULT = Path(__file__).resolve().parent / "results" / "learners_utkface.csv"
SET = ["utkface", "--images", "1200", "--size", "32", "--threads", "1", "--quiet"]
TASKS = ["age", "race", "gender"]
LEARNERS = {8: ["usual", "grey", "pairs64", "bits2", "jpeg10", "pairs16", "network", "pairs256", "class-means64",
                "class-means", "resize50", "blur", "mixup", "jpeg50", "jpeg90", "pairs8", "pairs32", "pairs128",
                "pairs512", "class-means512"],
            16: ["usual", "grey", "bits2", "jpeg10"]}


class Runs:
    """Runs of the command, kept in a folder."""

    def __init__(self, crosstalk, folder, collect):
        self.crosstalk, self.folder, self.collect = crosstalk, folder, collect

    def __call__(self, name, *words):
        """The record of a run; None where it has not ended."""
        out = self.folder / name
        if not (out / "run.json").exists():
            if self.collect:
                return None
            subprocess.run([self.crosstalk, words[0], *SET, *words[1:], "--out", str(out), "--resume"], check=True,
                           stdout=subprocess.DEVNULL)
        return json.loads((out / "run.json").read_text())

    def learned(self, name, copy, *words):
        return self(name, "verify", "--protected", str(self.folder / copy), "--victims", "mtl", "--flip", *words)


def words_of(learner):
    if learner == "usual":
        return ["--learners", "usual"]  # learns the clean images, too
    if learner == "network":
        return ["--learners", "usual", "--backbone", "small-vgg", "--protected-only"]
    return ["--countermeasure", learner, "--protected-only"]


def main():
    runs = Runs(str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve(), "--collect" in sys.argv)
    rows, clean = [], None
    for epsilon, learners in LEARNERS.items():
        copy = "copy-mtl-ue" if epsilon == 8 else f"copy-mtl-ue-{epsilon}"
        protect = runs(copy, "protect", "--method", "mtl-ue", *([] if epsilon == 8 else ["--epsilon", str(epsilon)]))
        for learner in learners:
            words = words_of(learner) + ["--protected-only"] * (learner == "usual" and epsilon != 8)
            record = protect and runs.learned(f"learner-{epsilon}-{learner}", copy, *words)
            if record is None:
                continue
            result = record["verify"]["protected"]["mtl"]
            if clean is None:
                clean = record["verify"]["clean"]["mtl"]
                rows.append(["", "", "clean images", *(clean["tasks"][task] for task in TASKS), clean["mean"],
                             clean["yardstick"], ""])
            left = (result["mean"] - clean["yardstick"]) / (clean["mean"] - clean["yardstick"])
            rows.append([epsilon, f"{protect['protect']['psnr']:.2f}", learner,
                         *(result["tasks"][task] for task in TASKS), result["mean"], result["yardstick"], left])
    rows[1:] = sorted(rows[1:], key=lambda row: (row[0], -row[-1]))
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["epsilon", "psnr", "learner", *TASKS, "mean", "majority_baseline", "left"],
             *([f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row] for row in rows)])


if __name__ == "__main__":
    main()

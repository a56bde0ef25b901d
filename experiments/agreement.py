#!/usr/bin/env python3
"""Whether `verify` agrees with a learner that shares no code with it: examples/victims/image_learner.py, in PyTorch.

    CROSSTALK_DATA=DIR experiments/agreement.py build/release/crosstalk FOLDER [--collect]

writes experiments/results/agreement_utkface.csv: 1,200 faces of UTKFace at 32 x 32 and copies of them by LSP, TAP and
MTL-UE with their defaults, one seed, networks for all tasks. Each copy is learned in colour and in grey, by a learner of
`verify` and by the other one (30 epochs), which is run as `--victim`; the networks of that run train for one epoch and
do not count. FOLDER keeps the copies and the records; a run that has ended there is not run again. --collect runs
nothing more and takes what has ended. Needs python3-torch and python3-pil of the interpreter that runs this. About 20
minutes of a core.
"""

import csv
import shlex
import sys
from pathlib import Path

from learners import Runs

HERE = Path(__file__).resolve().parent
LEARNER = HERE.parent / "examples" / "victims" / "image_learner.py"
RESULT = HERE / "results" / "agreement_utkface.csv"
METHODS = ["lsp", "tap", "mtl-ue"]


def main():
    runs = Runs(str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve(), "--collect" in sys.argv)
    cells = []  # images, learner, verify's mean, the other's mean, baseline
    for method in METHODS:
        copy = f"copy-{method}"
        runs(copy, "protect", "--method", method)
        protected_only = ["--protected-only"] * (method != METHODS[0])
        ours = runs.learned(f"verify-{method}", copy, "--learners", "usual,grey", *protected_only)
        for number, view in enumerate(("usual", "grey")):
            command = shlex.join([sys.executable, str(LEARNER), "--epochs", "30"] + ["--grey"] * (view == "grey"))
            theirs = runs.learned(f"independent-{method}-{view}", copy, "--learners", "usual", "--epochs", "1",
                                  "--victim", command + " {train} {test} {predictions}",
                                  *(protected_only or ["--protected-only"] * (view == "grey")))
            if ours is None or theirs is None:
                continue
            own, other = ours["verify"]["learners"][number], theirs["verify"]["learners"][1]
            if method == METHODS[0] and view == "usual":
                cells.append(["clean", view, own["clean"], other["clean"], own["yardstick"]])
            cells.append([method, view, own["mean"], other["mean"], own["yardstick"]])
    rows = [["images", "learner", "verify", "independent", "difference", "majority_baseline", "left_verify",
             "left_independent"]]
    for images, view, own, other, baseline in cells:
        left = ["", ""] if images == "clean" else [f"{(mean - baseline) / (clean - baseline):.4f}" for mean, clean in
                                                   ((own, cells[0][2]), (other, cells[0][3]))]
        rows.append([images, view, f"{own:.4f}", f"{other:.4f}", f"{own - other:.4f}", f"{baseline:.4f}", *left])
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()

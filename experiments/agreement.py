#!/usr/bin/env python3
"""Whether `verify` agrees with a learner that shares no code with it: examples/victims/image_learner.py, in PyTorch.

    CROSSTALK_DATA=DIR experiments/agreement.py build/release/crosstalk [--copy mtl-ue=FOLDER]

writes experiments/results/agreement_utkface.csv: 1,200 faces of UTKFace at 32 x 32, one seed; clean images, LSP and
MTL-UE with TAP, each learned as they are and in grey. --copy takes a copy that `protect` has made with the same flags.
Needs python3-torch and python3-pil of the interpreter that runs this. About 25 minutes of a core, 6 with the copy.
"""

import csv
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEARNER = HERE.parent / "examples" / "victims" / "image_learner.py"
RESULT = HERE / "results" / "agreement_utkface.csv"
SET = ["utkface", "--images", "1200", "--size", "32", "--threads", "1", "--quiet"]


def run(crosstalk, out, *words):
    subprocess.run([crosstalk, words[0], *SET, *words[1:], "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    return out


def main():
    crosstalk, copies = str(Path(sys.argv[1]).resolve()), {}
    for word in sys.argv[3::2]:
        name, _, folder = word.partition("=")
        copies[name] = Path(folder).resolve()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for method in ("lsp", "mtl-ue"):
            learning = ["--flip"] if method == "mtl-ue" else []
            copy = copies.get(method) or run(crosstalk, folder / method, "protect", "--method", method, *learning)
            for view in ("usual", "grey"):
                command = shlex.join([sys.executable, str(LEARNER)] + ["--grey"] * (view == "grey"))
                out = run(crosstalk, folder / f"{method}-{view}", "verify", "--protected", str(copy), "--flip", "--victims",
                          "mtl", "--learners", view, "--victim", command + " {train} {test} {predictions}")
                verify = json.loads((out / "run.json").read_text())["verify"]
                ours, theirs = verify["learners"]
                for images in ("clean", "protected"):
                    value = "clean" if images == "clean" else "mean"
                    cell = (images if images == "clean" else method, view)
                    rows.setdefault(cell, [*cell, f"{ours[value]:.4f}", f"{theirs[value]:.4f}",
                                           f"{ours[value] - theirs[value]:.4f}", f"{ours['yardstick']:.4f}"])
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["images", "learner", "verify", "independent", "difference", "majority_baseline"],
             *(rows[cell] for cell in sorted(rows))])


if __name__ == "__main__":
    main()

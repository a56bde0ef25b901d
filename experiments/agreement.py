#!/usr/bin/env python3
"""Whether `verify` agrees with a learner that shares no code with it: examples/victims/image_learner.py, in PyTorch.

    CROSSTALK_DATA=DIR experiments/agreement.py build/release/crosstalk FOLDER [--collect]

writes experiments/results/agreement_utkface.csv: the cells of experiments/grey_noise.py, whose FOLDER has the copies and
what `verify` says of them, each with the mean accuracy that the other learner gets of the same images. It is run as
`--victim`; the networks of that run train for one epoch and do not count. --collect runs nothing more and takes what
has ended. Needs python3-torch and python3-pil of the
interpreter that runs this. About five minutes of a core.
"""

import csv
import json
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEARNER = HERE.parent / "examples" / "victims" / "image_learner.py"
RESULT = HERE / "results" / "agreement_utkface.csv"
SET = ["utkface", "--images", "1200", "--size", "32", "--threads", "1", "--flip", "--quiet"]


def main():
    crosstalk, folder = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    rows = []
    for through in ("none", "grey"):
        for view in ("usual", "grey"):
            ours = json.loads((folder / f"verify-{through}-{view}" / "run.json").read_text())["verify"]
            out = folder / f"agreement-{through}-{view}"
            if not (out / "run.json").exists():
                if "--collect" in sys.argv:
                    continue
                command = shlex.join([sys.executable, str(LEARNER), "--epochs", "30"] + ["--grey"] * (view == "grey"))
                subprocess.run([crosstalk, "verify", *SET, "--protected", str(folder / f"copy-{through}"), "--victims", "mtl",
                                "--learners", "usual", "--epochs", "1", "--victim",
                                command + " {train} {test} {predictions}", "--out", str(out)]
                               + ["--protected-only"] * (through == "grey"), check=True, stdout=subprocess.DEVNULL)
            theirs = json.loads((out / "run.json").read_text())["verify"]["learners"][1]
            for images in ("clean", "protected"):
                if images == "clean" and through == "grey":
                    continue
                own, other = ours[images]["mtl"]["mean"], theirs["clean" if images == "clean" else "mean"]
                name = "clean" if images == "clean" else f"MTL-UE, learned through {through}"
                rows.append([name, view, f"{own:.4f}", f"{other:.4f}", f"{own - other:.4f}", f"{theirs['yardstick']:.4f}"])
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["images", "learner", "verify", "independent", "difference", "majority_baseline"],
             *rows])


if __name__ == "__main__":
    main()

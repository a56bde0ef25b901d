#!/usr/bin/env python3
"""Whether noise that was made at 64 x 64 and applied to larger photos is there for learners of other sizes.

    CROSSTALK_DATA=DIR experiments/photo_sizes.py build/release/crosstalk    # writes experiments/results/photo_sizes.csv

500 faces of UTKFace keep their 200 x 200 pixels; the change is made at 64 x 64 (--working-size). One network for all
tasks learns them at 32 and 64 pixels a side, in colour, one seed (LSP).
"""

import csv
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

RESULT = Path(__file__).resolve().parent / "results" / "photo_sizes.csv"
IMAGES = 500


def run(*words):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


def main():
    crosstalk = str(Path(sys.argv[1]).resolve())
    sides = [int(side) for side in sys.argv[2].split(",")] if len(sys.argv) > 2 else [32, 64]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        faces = folder / "faces"
        faces.mkdir()
        with tarfile.open(Path(os.environ["CROSSTALK_DATA"]) / "utkface" / "utkface_crop_part1.tar") as tar:
            members = sorted((m for m in tar.getmembers() if m.name.endswith(".jpg")), key=lambda m: m.name)
            for member in members[:: max(1, len(members) // IMAGES)][:IMAGES]:
                (faces / Path(member.name).name).write_bytes(tar.extractfile(member).read())
        for method in ("lsp",):
            out = folder / method
            run(crosstalk, "protect", faces, "--method", method, "--working-size", 64, "--out", out, "--quiet")
            for side in sides:
                seen = folder / f"{method}-{side}"
                run(crosstalk, "verify", faces, "--protected", out, "--size", side, "--victims", "mtl", "--flip",
                    "--countermeasure", "none", "--out", seen, "--quiet", "--threads", 1)
                verify = json.loads((seen / "run.json").read_text(encoding="utf-8"))["verify"]
                rows.append([method, IMAGES, 64, side, *(f"{verify[part]['mtl']['mean']:.4f}"
                                                         for part in ("clean", "protected")),
                             f"{verify['protected']['mtl']['yardstick']:.4f}"])
                print(*rows[-1], flush=True)
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["method", "images", "working_side", "side", "clean", "protected", "majority_baseline"], *rows])


if __name__ == "__main__":
    main()

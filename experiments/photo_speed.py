#!/usr/bin/env python3
"""What a photo of 12 megapixels costs once a generator is trained.

    experiments/photo_speed.py build/release/crosstalk      # writes experiments/results/photo_speed.csv

Photos of 4000 x 3000 pixels (waves, edges and grain) as JPEG files go through `protect --generator`, two threads. Wall
time depends on what else the machine does, so processor time stands beside it; on two idle cores a photo takes half of
it.
"""

import csv
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

RESULT = Path(__file__).resolve().parent / "results" / "photo_speed.csv"
PHOTOS = 6
HEIGHT, WIDTH = 3000, 4000


def png(rows):
    """The content of a PNG file of rows of WIDTH x 3 bytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", WIDTH, len(rows), 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 1)) + chunk(b"IEND", b""))


def photo(seed):
    """Something with the grain, waves and edges of a photo: in each block of 50 pixels a level, and grain around it."""
    draw = random.Random(seed)
    grain = [round(draw.gauss(0, 4)) for _ in range(256)]
    tables = [bytes(min(255, max(0, level + g)) for g in grain) for level in range(256)]
    x_wave, y_wave = draw.uniform(100, 900), draw.uniform(100, 900)
    rows = []
    for y in range(HEIGHT):
        noise = draw.randbytes(3 * WIDTH)
        level = 115 + 45 * math.sin(y / y_wave)
        parts = []
        for block in range(0, WIDTH, 50):
            here = round(level + 45 * math.sin(block / x_wave) + 30 * ((block // 350 + y // 270) % 2))
            parts.append(noise[3 * block:3 * (block + 50)].translate(tables[here]))
        rows.append(b"".join(parts))
    return png(rows)


def run(*words):
    before = os.times()
    start = time.monotonic()
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - start, cpu


def main():
    crosstalk = str(Path(sys.argv[1]).resolve())
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "drawn").mkdir()
        labels = "file,kind\n"
        for i in range(PHOTOS):
            (folder / "drawn" / f"{i}.png").write_bytes(photo(i))
            labels += f"{i}.png,{'ab'[i % 2]}\n"
        (folder / "drawn" / "labels.csv").write_text(labels, encoding="utf-8")
        run(crosstalk, "protect", folder / "drawn", "--method", "noise", "--format", "jpeg", "--quality", 92, "--quiet",
            "--out", folder / "jpeg")
        album = folder / "jpeg" / "images"
        run(crosstalk, "protect", album, "--epochs", 1, "--quiet", "--out", folder / "trained")
        generator = folder / "trained" / "generator.pt"
        for form, words in (("png", ("--compression", 1)), ("png", ("--compression", 6)), ("jpeg", ("--quality", 95)),
                            ("webp", ("--quality", 95))):
            for what, photos in ((album, PHOTOS), (album / "0.jpg", 1)):
                out = folder / f"{form}{words[1]}-{photos}"
                wall, cpu = run(crosstalk, "protect", what, "--generator", generator, "--format", form, *words,
                                "--threads", 2, "--quiet", "--out", out)
                protect = json.loads((out / "run.json").read_text(encoding="utf-8"))["protect"]
                size = sum(file.stat().st_size for file in (out / "images").iterdir()) / photos / 1e6
                rows.append([form, words[1], photos, f"{cpu / photos:.2f}", f"{wall / photos:.2f}", f"{size:.1f}",
                             protect["max_level_change"], protect["level_change_999"], f"{protect['psnr']:.1f}"])
                print(*rows[-1])
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["format", "level", "photos", "cpu_seconds_a_photo", "wall_seconds_a_photo", "megabytes_a_photo",
              "largest_change", "change_999", "psnr"], *rows])


if __name__ == "__main__":
    main()

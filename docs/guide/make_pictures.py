#!/usr/bin/env python3
"""Draws a folder of small grey pictures and its labels.csv: the example data of protect.md and verify.md.

    docs/guide/make_pictures.py FOLDER [COUNT]

Each picture is 32 x 32 pixels and shows one shape on a noisy background. It has three labels: the shape (disc, square
or cross), its size (small or large) and the side that it is on (left or right). The same COUNT gives the same bytes.
"""

import csv
import random
import struct
import sys
import zlib
from pathlib import Path

SIDE = 32


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, rows):
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    lines = b"".join(b"\0" + bytes(row) for row in rows)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) +
                     chunk(b"IEND", b""))


def covers(shape, size, x, y):
    radius = 7 if size == "large" else 4.5
    if shape == "disc":
        return x * x + y * y <= radius * radius
    if shape == "square":
        return max(abs(x), abs(y)) <= 0.9 * radius
    return min(abs(x), abs(y)) <= 0.35 * radius and max(abs(x), abs(y)) <= radius


def picture(shape, size, side, rng):
    x0 = rng.uniform(8, 12) if side == "left" else rng.uniform(20, 24)
    y0 = rng.uniform(10, 22)
    rows = []
    for y in range(SIDE):
        levels = (90 + (45 if covers(shape, size, x - x0, y - y0) else 0) + rng.gauss(0, 8) for x in range(SIDE))
        rows.append([min(255, max(0, round(level))) for level in levels])
    return rows


def main():
    folder = Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    folder.mkdir(parents=True)
    rng = random.Random(1)
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "shape", "size", "side"])
        for i in range(count):
            labels = [rng.choice(words) for words in (("disc", "square", "cross"), ("small", "large"), ("left", "right"))]
            name = f"{i + 1:04}.png"
            write_png(folder / name, picture(*labels, rng))
            table.writerow([name, *labels])


if __name__ == "__main__":
    main()

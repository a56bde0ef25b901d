#!/usr/bin/env python3
"""Writes a table of invented shops: the example data of defend.md. The same arguments give the same bytes.

    docs/guide/make_shops.py FILE.csv [ROWS_PER_SHOP]

Two groups of four shops: in the first the number of visitors decides the sales, in the second the sunshine does.
"""

import csv
import random
import sys

SHOPS = {"harbour": 0, "market": 0, "station": 0, "school": 0, "park": 1, "museum": 1, "beach": 1, "garden": 1}
WEIGHTS = [(0.30, -1.6, 0.6), (0.08, -0.6, 2.2)]  # a visitor, a unit of price, an hour of sunshine; by group


def main():
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    rng = random.Random(1)
    shop_weights = {shop: [w * rng.uniform(0.85, 1.15) for w in WEIGHTS[group]] for shop, group in SHOPS.items()}
    with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["shop", "visitors", "price", "sunshine", "sales"])
        for i in range(rows * len(SHOPS)):
            shop = list(SHOPS)[i % len(SHOPS)]
            visitors, price, sunshine = rng.randint(20, 90), rng.uniform(1.5, 4.5), rng.uniform(0, 12)
            sales = 15 + sum(w * x for w, x in zip(shop_weights[shop], (visitors, price, sunshine))) + rng.gauss(0, 2)
            table.writerow([shop, visitors, f"{price:.2f}", f"{sunshine:.1f}", f"{sales:.1f}"])


if __name__ == "__main__":
    main()

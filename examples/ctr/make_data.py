#!/usr/bin/env python3
"""Makes a click log for ctr.mlir from a seed: one NPZ file.

dense: 13 numbers a row (float32). user, item, site: one id a row, words: four
ids a row (int64; word 0 is padding). click: 1 or 0 (int64). Ids are skewed as
in real logs (Zipf), and the chance of a click is a logistic function of a
hidden weight of each id and of the dense features, so it can be learned. Prints
the entropy of the share of clicks, which is the loss of knowing nothing else.
Needs nothing but Python 3.
"""
import argparse
import array
import bisect
import itertools
import math
import os
import random
import zipfile

USERS, ITEMS, SITES, WORDS = 20000, 5000, 500, 2000  # as in ctr.mlir
DENSE, WORDS_PER_ROW = 13, 4


def npy(descr, shape, values):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
    # The data starts at a multiple of 64 bytes.
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") +
            header.encode("latin1") + values.tobytes())


class Ids:
    """Ids from `first` to below `count`, the k-th most frequent ~ 1 / k^1.05."""

    def __init__(self, rng, count, spread, first=0):
        weights = (1 / (k + 1) ** 1.05 for k in range(count - first))
        self.sums = list(itertools.accumulate(weights))
        self.ids = list(range(first, count))
        rng.shuffle(self.ids)
        self.effect = [rng.gauss(0, spread) for _ in range(count)]

    def draw(self, rng):
        at = bisect.bisect(self.sums, rng.random() * self.sums[-1])
        return self.ids[min(at, len(self.ids) - 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", default="clicks.npz")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    fields = {"user": Ids(rng, USERS, 0.8), "item": Ids(rng, ITEMS, 1.2),
              "site": Ids(rng, SITES, 0.8)}
    words = Ids(rng, WORDS, 0.8, first=1)
    slopes = [rng.gauss(0, 0.3) for _ in range(DENSE)]
    dense, clicks = array.array("f"), array.array("q")
    ids = {name: array.array("q") for name in [*fields, "words"]}
    for _ in range(args.rows):
        row = [rng.gauss(0, 1) for _ in range(DENSE)]
        score = -1.0 + sum(a * b for a, b in zip(slopes, row))
        for name, field in fields.items():
            ids[name].append(field.draw(rng))
            score += field.effect[ids[name][-1]]
        length = rng.randint(1, WORDS_PER_ROW)
        for position in range(WORDS_PER_ROW):
            word = words.draw(rng) if position < length else 0
            score += words.effect[word] if word else 0
            ids["words"].append(word)
        dense.extend(row)
        clicks.append(int(rng.random() < 1 / (1 + math.exp(-score))))
    arrays = {"dense": npy("<f4", (args.rows, DENSE), dense),
              "click": npy("<i8", (args.rows, 1), clicks)}
    for name, values in ids.items():
        arrays[name] = npy("<i8", (args.rows, len(values) // args.rows), values)
    os.makedirs(os.path.dirname(os.path.abspath(args.output)), exist_ok=True)
    with zipfile.ZipFile(args.output, "w") as file:
        for name, content in arrays.items():
            # A fixed date: the same seed gives the same bytes.
            file.writestr(zipfile.ZipInfo(name + ".npy"), content)
    rate = sum(clicks) / args.rows
    entropy = -sum(p * math.log(p) for p in (rate, 1 - rate) if p > 0)
    print(f"rate {rate:.4f}, entropy {entropy:.4f}")


if __name__ == "__main__":
    main()

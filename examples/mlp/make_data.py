#!/usr/bin/env python3
"""Makes a learnable data set for mlp.mlir from a seed: x.npy and y.npy.

x: 32 uniform features a row (float32). y: 1 where a random quadratic form of
them is above its median, else 0 (int64). Needs nothing but Python 3.
"""
import argparse
import array
import os
import random


def write_npy(path, descr, shape, values):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
    # The data starts at a multiple of 64 bytes.
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little"))
        file.write(header.encode("latin1"))
        values.tofile(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", default=".", help="folder (default: here)")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    width = 32
    linear = [rng.gauss(0, 1) for _ in range(width)]
    pairs = [(rng.randrange(width), rng.randrange(width), rng.gauss(0, 2))
             for _ in range(width)]
    x, scores = array.array("f"), []
    for _ in range(args.rows):
        row = [rng.random() for _ in range(width)]
        centered = [value - 0.5 for value in row]
        score = sum(a * b for a, b in zip(linear, centered))
        score += sum(c * centered[i] * centered[j] for i, j, c in pairs)
        scores.append(score)
        x.extend(row)
    median = sorted(scores)[args.rows // 2]
    y = array.array("q", [int(score > median) for score in scores])
    os.makedirs(args.output, exist_ok=True)
    write_npy(os.path.join(args.output, "x.npy"), "<f4", (args.rows, width), x)
    write_npy(os.path.join(args.output, "y.npy"), "<i8", (args.rows, 1), y)


if __name__ == "__main__":
    main()

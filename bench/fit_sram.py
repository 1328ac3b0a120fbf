#!/usr/bin/env python3
"""Fits the memory model of a 45 nm technology: area and access energy by depth and width.

The points are one-port macros that bsg_fakeram computed with CACTI for OpenROAD-flow-scripts
(flow/platforms/nangate45/lib/fakeram45_*.lib, of 2021 to 2023): words, bits a word, um2, and fJ of
`internal_power` at one clock edge, 1.1 V. Prints area = bit * bits + column * width + row * words and
energy = wordBitEnergy * width + cellEnergy * bits with their largest errors.
"""

POINTS = [
    (64, 7, 387.296, 261.529), (32, 64, 1754.536, 1498.65), (256, 16, 3155.026, 1359.06),
    (64, 96, 4198.81, 2986.13), (256, 96, 13701.66, 5756.55), (512, 64, 17301.438, 5300.43),
    (128, 256, 23378.74, 15691.4), (2048, 39, 45478.818, 6855.19),
]


def least_squares(rows, values):
    """Coefficients of least relative error, by the normal equations."""
    scaled = [[x / value for x in row] for row, value in zip(rows, values)]
    n = len(rows[0])
    matrix = [[sum(r[i] * r[j] for r in scaled) for j in range(n)] + [sum(r[i] for r in scaled)]
              for i in range(n)]
    for i in range(n):
        for k in range(n):
            if k != i:
                factor = matrix[k][i] / matrix[i][i]
                matrix[k] = [a - factor * b for a, b in zip(matrix[k], matrix[i])]
    return [matrix[i][n] / matrix[i][i] for i in range(n)]


def report(title, names, rows, values):
    solution = least_squares(rows, values)
    found = [sum(a * b for a, b in zip(row, solution)) / value - 1
             for row, value in zip(rows, values)]
    print(title, ", ".join(f"{n} {s:.4f}" for n, s in zip(names, solution)),
          f"error at most {100 * max(abs(e) for e in found):.0f}%")
    for (words, width, *_), error in zip(POINTS, found):
        print(f"  {words:5} x {width:3}: {100 * error:6.1f}%")


if __name__ == "__main__":
    report("area, um2:", ["bit", "column", "row"],
           [[d * w, w, d] for d, w, _, _ in POINTS], [a for _, _, a, _ in POINTS])
    report("energy, fJ an edge:", ["wordBitEnergy", "cellEnergy"],
           [[w, d * w] for d, w, _, _ in POINTS], [e for _, _, _, e in POINTS])

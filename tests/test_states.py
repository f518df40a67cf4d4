"""Fitted states as files: the same bits back, damage refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from automl.errors import ModelFileError
from automl.family import State
from automl.states import pack, unpack, write_state

ARRAYS = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_]), hnp.array_shapes(max_dims=3)
)


@given(array=ARRAYS, text=st.text(max_size=50))
def test_a_state_comes_back_with_the_same_bits(array: np.ndarray, text: str) -> None:
    state = State({"a": [1, None, text]}, {"x": array.T}, {"model": text})
    back = unpack(pack(state))
    assert back.config == state.config
    assert back.texts == state.texts
    assert back.arrays["x"].dtype == array.dtype
    assert back.arrays["x"].tobytes() == np.ascontiguousarray(array.T).tobytes()


def _in_folder(folder: Path) -> State:
    return unpack({path.name: path.read_bytes() for path in folder.iterdir()})


def test_a_folder_of_a_state_is_complete_or_not_there(tmp_path: Path) -> None:
    state = State({"n": 1}, {"x": np.arange(3.0)})
    write_state(tmp_path / "fit", state)
    assert _in_folder(tmp_path / "fit").arrays["x"].tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["fit"]


def test_what_a_killed_process_left_gives_way(tmp_path: Path) -> None:
    write_state(tmp_path / "fit", State({"n": 1}, {"x": np.arange(3.0)}, {"model": "tree"}))
    (tmp_path / "fit.partial").mkdir()
    (tmp_path / "fit.partial" / "model.txt").write_text("half a tr")
    write_state(tmp_path / "fit", State({"n": 2}))
    back = _in_folder(tmp_path / "fit")
    assert (back.config, back.arrays, back.texts) == ({"n": 2}, {}, {})


@pytest.mark.parametrize(
    "damage",
    [
        {"config.json": b"{"},
        {"arrays.safetensors": b"\x00\x01"},
        {"model.txt": b"\xff\xfe\xfa"},
        {"evil.pkl": b"cos\nsystem\n"},
    ],
)
def test_damage_and_foreign_files_are_refused(damage: dict[str, bytes]) -> None:
    files = {**pack(State({"n": 1}, {"x": np.arange(3.0)}, {"model": "tree"})), **damage}
    with pytest.raises(ModelFileError):
        unpack(files)

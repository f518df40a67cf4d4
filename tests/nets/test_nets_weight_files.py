from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from toy_weights import first_weights

from automl.errors import UsageError
from automl.nets.incontext import InContextNet
from automl.nets.weight_files import VARIABLE, find_weights, read_header
from pretraining.sizes import SIZES


def test_a_file_tells_what_it_is_good_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = first_weights(tmp_path)
    weights = read_header(path)
    assert weights.config == SIZES["toy"].net
    assert weights.limits == SIZES["toy"].limits
    assert weights.training["size"] == "toy"
    monkeypatch.setenv(VARIABLE, str(path))
    assert find_weights() == weights


def test_the_shipped_weights_are_small_enough(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    weights = find_weights()
    assert weights is None or weights.n_bytes <= 16 * 2**20


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0not json", b"\x0c\0\0\0\0\0\0\0" + b'{"a": [1,2]}'])
def test_another_file_is_refused_with_its_name(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "other.bin"
    path.write_bytes(content)
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(UsageError, match=r"other\.bin"):
        find_weights()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(UsageError, match="absent"):
        find_weights()


def test_the_net_to_be_shipped_fits_into_the_package_and_its_state_into_few_files():
    n_weights = sum(p.numel() for p in InContextNet(SIZES["full"].net).parameters())
    assert 2 * n_weights <= 16 * 2**20
    # weights, average and momentum in float32, beside the weights in bfloat16
    assert (3 * 4 + 2) * n_weights <= 62 * 2**20


def test_asking_what_weights_are_good_for_loads_no_torch():
    asks = "automl.families.pfn, automl.nets.weight_files as files; files.find_weights()"
    code = f"import sys, {asks}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"

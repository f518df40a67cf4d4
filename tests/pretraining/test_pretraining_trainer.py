from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_weights import trained

from automl.nets.incontext import InContextNet
from automl.nets.weight_files import read_header
from pretraining import state
from pretraining.__main__ import main
from pretraining.muon import Muon, orthogonal
from pretraining.objective import task_losses
from pretraining.prior import Prior, TaskShape
from pretraining.sizes import SIZES
from pretraining.trainer import begin

CPU = torch.device("cpu")


@pytest.mark.parametrize("shape", [(8, 8), (5, 12), (12, 5)])
def test_orthogonal_matrices_have_singular_values_near_one(shape: tuple[int, int]):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(100 * torch.randn(4, *shape)))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_muon_goes_downhill_with_steps_of_the_size_of_its_rate():
    torch.manual_seed(0)
    matrix, still = (torch.nn.Parameter(torch.randn(16, 8)) for _ in range(2))
    before = matrix.detach().clone()
    optimizer = Muon([matrix, still], lr=0.05)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = (matrix - 1).square().mean()
        loss.backward()
        losses.append(float(loss.detach()))
        optimizer.step()
        if len(losses) == 1:
            moved = (matrix.detach() - before).square().mean().sqrt()
            assert float(moved) == pytest.approx(0.05 * 0.2, rel=0.5)
    assert losses[-1] < 0.5 * losses[0]
    assert still.grad is None


def test_a_state_lies_in_files_of_limited_size_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(state, "_MOST_BYTES", 1_000)
    tensors = {f"t{i}": torch.randn(20, 5) for i in range(6)}
    progress = state.Progress(size="toy", seed=3, steps=12)
    (tmp_path / "state-00000001-0.safetensors").write_bytes(b"of an earlier state")
    state.save_state(tmp_path, progress, tensors)
    files = list(tmp_path.glob("*.safetensors"))
    assert len(files) == 3
    assert max(file.stat().st_size for file in files) < 2_000
    again, loaded = state.load_state(tmp_path, CPU)
    assert again == progress
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_two_rounds_are_as_one(tmp_path: Path):
    whole = trained(tmp_path / "whole", steps=6, horizon=6)
    trained(tmp_path / "parts", steps=2, horizon=6)
    parts = trained(tmp_path / "parts", steps=4, horizon=6, resume=True)
    assert parts.progress.rounds == 2
    assert parts.progress.steps == whole.progress.steps == 6
    assert parts.progress.tasks == whole.progress.tasks
    for name, tensor in whole.tensors().items():
        torch.testing.assert_close(parts.tensors()[name], tensor, rtol=1e-5, atol=1e-6, msg=name)


def test_a_round_leaves_weights_a_log_and_a_state(tmp_path: Path):
    module = trained(tmp_path, steps=21, horizon=21)
    weights = read_header(tmp_path / "incontext.safetensors")
    assert weights.training["steps"] == 21
    net = InContextNet(weights.config)
    net.load_state_dict({name: tensor.float() for name, tensor in load_file(weights.path).items()})
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(parameter, module.average[name].to(torch.bfloat16).float())
    (line,) = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert line["steps"] == 20
    assert 0 < line["share_of_peak"] < 1
    assert 0 < line["share_of_drawing"] < 1
    assert line["tasks_per_second"] > 0
    assert set(line["losses"]) == {"graph classes", "graph values", "rule classes", "rule values"}


def test_a_state_goes_on_as_another_stage_of_the_same_net_only(tmp_path: Path):
    progress = state.Progress(size="full", seed=0, steps=9, seconds=50.0)
    state.save_state(tmp_path, progress, {"t": torch.zeros(1)})
    longer, _ = begin(tmp_path, "long", 0, resume=True)
    assert (longer.size, longer.steps, longer.seconds) == ("long", 9, 0.0)
    with pytest.raises(ValueError, match="cannot go on as 'toy'"):
        begin(tmp_path, "toy", 0, resume=True)


def test_the_command_tells_a_new_training_from_one_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refused(*more: str) -> str:
        monkeypatch.setattr(
            "sys.argv", ["pretraining", "--minutes", "1", "--size", "toy", "--out", str(tmp_path), *more]
        )
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 2
        return capsys.readouterr().err

    assert "holds no state" in refused("--resume")
    (tmp_path / "state.json").write_text("{}")
    assert "holds a state" in refused()


@pytest.mark.slow
def test_a_toy_training_learns_xor_among_noise_columns_in_context(tmp_path: Path):
    prior = Prior(SIZES["toy"].net.n_codes, rule_share=0.5, rules=("xor",))
    module = trained(tmp_path, steps=400, horizon=400, prior=prior)
    lines = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    for kind in ("graph classes", "rule classes", "graph values"):
        first, last = (sum(line["losses"][kind]["loss"] for line in part) / 4 for part in (lines[:4], lines[-4:]))
        assert last < first, kind

    # a fresh draw: two columns that matter, and one or two of noise
    net = module.net.eval()
    net.load_state_dict(module.average)
    for d, least in ((3, 0.9), (4, 0.8)):
        tasks = Prior(16, 1.0, ("xor",)).draw(TaskShape("classes", 32, 128, 96, d), 10**6, CPU)
        right = []

        def noted(kind, context, y, query, ids, tasks=tasks, right=right):
            said = net(kind, context, y, query, ids)
            right.append((said.argmax(dim=2) == tasks.y[:, 96:]).float().mean())
            return said

        with torch.no_grad():
            task_losses(noted, net, tasks, 0)
        assert right[0] > least, f"{d} columns"

from __future__ import annotations

import torch

from automl.nets.batches import Batch, InOrder, Rounds


def batch(n: int) -> Batch:
    places = torch.arange(n)
    return Batch((places.to(torch.uint8)[:, None], places.half()), places, places.float())


def test_rows_are_taken_from_every_part_in_its_own_type():
    taken = batch(9).take(torch.tensor([4, 2]))
    assert [t.dtype for t in taken.inputs] == [torch.uint8, torch.float16]
    assert taken.inputs[0].flatten().tolist() == taken.inputs[1].tolist() == taken.weights.tolist() == [4, 2]
    assert Batch((torch.zeros(3),), torch.zeros(3)).take(slice(1)).weights is None
    assert batch(3).to(torch.device("meta")).inputs[1].device.type == "meta"


def test_a_pass_has_every_row_at_most_once_and_each_pass_another_order():
    rounds = Rounds(batch(10), batch_size=4, n_passes=2)
    seen = [b.y.tolist() for b in rounds]
    assert len(seen) == len(rounds) == 4
    first, second = seen[0] + seen[1], seen[2] + seen[3]
    assert len(set(first)) == len(set(second)) == 8
    assert first != second


def test_rows_in_order_are_all_there():
    assert torch.cat([b.y for b in InOrder(batch(10), 4)]).tolist() == list(range(10))

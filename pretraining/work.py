"""Arithmetic of a batch, and what the device could do: how busy it is kept."""

from __future__ import annotations

import time

import torch

from automl.nets.incontext_sizes import InContextConfig, answering_products, reading_products
from pretraining.prior import TaskShape

# A multiply-add is two operations; the backward pass takes twice the forward one.
_FLOPS_A_PRODUCT = 6
_ROUNDS = 10


def training_flops(net: InContextConfig, shape: TaskShape) -> float:
    """Floating-point operations of the forward and the backward pass of a batch: matrix products and attention only."""
    products = reading_products(net, shape.n_context, shape.d)
    products += answering_products(net, shape.n_rows, shape.n_context, shape.d)
    return _FLOPS_A_PRODUCT * shape.n_tasks * products


def peak_flops(device: torch.device) -> float:
    """Operations a second that a large matrix product reaches on the device: bf16 on CUDA, float32 elsewhere."""
    on_cuda = device.type == "cuda"
    n, dtype = (8192, torch.bfloat16) if on_cuda else (1024, torch.float32)
    a, b = torch.randn(n, n, device=device, dtype=dtype), torch.randn(n, n, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(_ROUNDS):
        wait(device)
        began = time.perf_counter()
        torch.mm(a, b)
        wait(device)
        best = min(best, time.perf_counter() - began)
    return 2 * n**3 / best


def wait(device: torch.device) -> None:
    """Until the device has done what it was told to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)

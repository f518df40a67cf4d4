"""Pretrain the in-context net for so many minutes, from nothing or from where the last round ended.

    python -m pretraining --minutes 30 --out DIR [--resume] [--horizon 240] [--size full]

DIR then holds `incontext.safetensors` (what the package reads), `log.jsonl`, and the state that --resume goes on from.
docs/guides/pretraining.md has the rest.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from pathlib import Path

import torch

from pretraining.sizes import SIZES
from pretraining.state import has_state
from pretraining.trainer import Round, begin, train


def main() -> None:
    """Train one round."""
    parser = argparse.ArgumentParser(prog="python -m pretraining", description=__doc__)
    parser.add_argument("--minutes", type=float, required=True, help="that this call trains")
    parser.add_argument("--out", type=Path, required=True, help="folder of weights, log and state")
    parser.add_argument("--resume", action="store_true", help="go on from the state in the folder")
    parser.add_argument("--horizon", type=float, help="minutes the learning rate is laid out for, over all rounds")
    parser.add_argument(
        "--size", choices=sorted(SIZES), default="full", help="net and batches; long is the second stage"
    )
    parser.add_argument("--seed", type=int, default=0, help="of a new training")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="the net; on CUDA unless told not to")
    chosen = parser.parse_args()
    if has_state(chosen.out) != chosen.resume:
        parser.error(f"{chosen.out} holds {'no' if chosen.resume else 'a'} state: see --resume, or another --out")
    chosen.out.mkdir(parents=True, exist_ok=True)
    device = torch.device(chosen.device)
    progress, tensors = begin(chosen.out, chosen.size, chosen.seed, resume=chosen.resume)
    this = Round(
        folder=chosen.out,
        device=device,
        seconds=60 * chosen.minutes,
        horizon=60 * (chosen.horizon or chosen.minutes),
        compiled=device.type == "cuda" if chosen.compile is None else chosen.compile,
    )
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # Lightning 2.6 asks torch 2.13 in a deprecated way; nothing of ours
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    done = train(this, progress, tensors).progress
    print(
        f"round {done.rounds}: {done.steps:,} steps, {done.tasks:,} tasks, {done.cells:,} cells in all", file=sys.stderr
    )


if __name__ == "__main__":
    main()

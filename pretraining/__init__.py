"""Pretraining of the in-context net on synthetic tables: the prior, the trainer, the state that goes on over rounds."""

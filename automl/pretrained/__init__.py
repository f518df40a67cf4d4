"""Pretrained encoders of texts and images that lie in the user's local caches: found, described, pinned by checksum.

Only folders are listed and JSON is read here. Nothing is ever downloaded, and no code of a repository is run.
"""

"""Verifying the log, what is kept beside it, its Merkle tree, and every read model."""

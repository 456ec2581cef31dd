"""The Merkle tree over the log: leaves, nodes, proofs, and signed checkpoints."""

"""Rebuilding read models beside the live ones: the job, loading, the swap, and the progress."""

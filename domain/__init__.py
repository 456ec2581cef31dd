"""What may happen in Oncelink and what happened: pure Python, no I/O, no clock, no environment."""

"""The history: every event of the log as a sentence, with the names of its time."""

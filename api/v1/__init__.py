"""The JSON API: one file for each resource below `/v1`."""

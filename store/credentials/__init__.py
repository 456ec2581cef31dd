"""Credentials: link codes, API keys, sessions, pairings, feed tokens, encrypted secrets."""

"""Secrets that open something: link codes, API keys, sessions, pairings, feed tokens, encrypted secrets."""

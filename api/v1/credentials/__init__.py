"""API keys and sessions over HTTP: what people and programs sign in with."""

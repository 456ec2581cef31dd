"""The access log over HTTP."""

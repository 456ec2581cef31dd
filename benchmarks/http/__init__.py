"""Measurements over HTTP: servers in processes of their own, load on many connections."""

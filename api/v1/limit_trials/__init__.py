"""A limit tried on a month that happened, over HTTP."""

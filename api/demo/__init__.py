"""`oncelink demo` and its sample organisation."""

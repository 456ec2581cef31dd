"""The README's walk-through as programs of generated clients: `python -m tests.clients BASE_URL API_KEY`."""

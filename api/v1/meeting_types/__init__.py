"""Meeting types over the API."""

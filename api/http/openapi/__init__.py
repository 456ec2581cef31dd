"""The OpenAPI document: generated from the routes, completed, with problems and examples."""

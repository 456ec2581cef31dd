"""What queries share: their source, pagination, names of other streams, and word search."""

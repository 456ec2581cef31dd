"""What guests are answered, and their further guests."""

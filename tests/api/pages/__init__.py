"""What holds of the pages without a browser."""

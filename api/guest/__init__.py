"""What a guest gets to see: pages that work without JavaScript."""

"""Tools on Node.js, and what finds them."""

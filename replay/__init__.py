"""History as a tool: what happened, how things stood, and rebuilding what follows from it."""

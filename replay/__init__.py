"""History as a tool: what happened, state at a point in time, rebuilds, verification and export."""

"""Models by role; each room is imported on its own."""

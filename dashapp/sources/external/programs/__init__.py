"""Programs that run again and again, and print numbers."""

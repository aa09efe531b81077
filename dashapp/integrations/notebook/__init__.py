"""Live charts in the cells of a notebook."""

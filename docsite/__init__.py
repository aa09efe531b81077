"""Builds the documentation: generated parts of its pages, and the site (`make docs`)."""

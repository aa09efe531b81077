"""Responses about trends and usual ranges."""

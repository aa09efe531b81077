"""Parsers for the output of programs: tables, key-value lines and JSON."""

"""The languages of the page: one JSON file each. English is the key of every text, and has no file."""

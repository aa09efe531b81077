"""The languages of the page: one JSON file each.

English has no file, because the English texts are the keys.
"""

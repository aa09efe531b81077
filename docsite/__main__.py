"""`python -m docsite`: write the generated parts of the documentation.

These are the table of settings, and the tables of the newest results that `make bench` measured.
"""

from __future__ import annotations

from bench.report import write_pages
from docsite.settings_table import PAGE, with_table

if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
    write_pages()

"""`python -m docsite`: write the generated parts of the documentation."""

from __future__ import annotations

from docsite.settings_table import PAGE, with_table

if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")

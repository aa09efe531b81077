"""`make audit`: Lighthouse and axe-core run on the real page, served by real processes.

`states.STATES` is the table of states that axe checks; `verdict` decides what passes.
"""

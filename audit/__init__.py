"""`make audit`: what Lighthouse and axe-core say of the real page, served by real processes.

The states that axe looks at are one table, `states.STATES`; what counts as passed is in `verdict`.
"""

"""Parts of the page that Python builds."""

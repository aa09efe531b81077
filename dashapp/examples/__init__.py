"""Files to try dashapp with, and what makes them."""

"""Files of delimited text: encoding, dialect, headings, times, numbers and order of rows."""

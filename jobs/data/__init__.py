"""Reference data and traffic: tables in, rows of numbers out, with the truth about them."""

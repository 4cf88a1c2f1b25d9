"""`weir alert-bridge`: from the alerts topic to where people are, none lost on the way."""

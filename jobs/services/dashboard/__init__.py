"""`weir dashboard`: a live web page of the topics; its server needs no internet access."""

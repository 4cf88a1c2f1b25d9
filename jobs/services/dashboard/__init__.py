"""`weir dashboard`: a live page of the topics, on a server of its own, without the internet."""

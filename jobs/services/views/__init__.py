"""Records of the topics → what the dashboard and the HTML report show."""

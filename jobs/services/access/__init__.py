"""Who may use a server of Weir: host names, tokens and certificates of the gateway and the dashboard."""

"""`weir alert-bridge`: deliver alerts from their topic to Alertmanager and webhooks, without loss."""

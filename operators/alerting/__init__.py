"""Alerts: what reports and rates show → findings → alerts that fire and resolve. No Flink, no Kafka here."""

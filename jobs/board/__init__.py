"""What the topics tell of pipelines, gathered for people: for the live page and for the report."""

"""The web viewer and the report: what a person looks at."""

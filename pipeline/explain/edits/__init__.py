"""One module a kind of change; pipeline/explain/stress.py is the door."""

"""One module a kind of change; pipeline/stress.py is the door."""

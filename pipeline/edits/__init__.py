"""One module a kind of change; pipeline/edits/editor.py is the door."""

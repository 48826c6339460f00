"""What a visitor sees: one tab a file. With app.py the only importers of gradio."""

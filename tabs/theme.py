"""The look: system fonts alone, so that no request leaves the machine; the rest stands in style.css."""

from pathlib import Path

import gradio as gr

SANS = ["system-ui", "-apple-system", "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Noto Sans Mono", "monospace"]
THEME = gr.themes.Base(
    primary_hue="indigo", secondary_hue="amber", neutral_hue="slate", radius_size="md", font=SANS, font_mono=MONO
)
CSS = (Path(__file__).parent / "style.css").read_text()

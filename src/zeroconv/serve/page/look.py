"""Colours and letters of the page: calm, light or dark as the reader's system is, and none from elsewhere."""

import gradio as gr
from gradio.themes.utils import colors

HEAD = '<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="page/static/page.css">'
_LETTERS = ("system-ui", "Segoe UI", "Liberation Sans", "sans-serif")
_FIXED = ("ui-monospace", "Liberation Mono", "monospace")


def theme() -> gr.themes.Base:
    """Gradio's plain theme in blue and grey, with the letters that the reader's machine has."""
    made = gr.themes.Base(
        primary_hue=colors.blue,
        neutral_hue=colors.slate,
        font=_LETTERS,
        font_mono=_FIXED,
        radius_size=gr.themes.sizes.radius_md,
    )
    return made.set(
        body_background_fill="#f7f8fa",
        body_background_fill_dark="#14181d",
        background_fill_primary_dark="#1c2229",
        background_fill_secondary_dark="#14181d",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1c2229",
        border_color_primary="#d8dee4",
        border_color_primary_dark="#39424c",
        button_primary_background_fill="#0b66a8",
        button_primary_background_fill_hover="#0a5890",
        button_primary_background_fill_dark="#56b4e9",
        button_primary_background_fill_hover_dark="#7cc4ee",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#0b1116",
        color_accent="#0b66a8",
        input_background_fill="#ffffff",
        input_background_fill_dark="#14181d",
        body_text_color_subdued="#57606a",
        body_text_color_subdued_dark="#9aa4ae",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_placeholder_color="#6b7480",
        input_placeholder_color_dark="#8b96a1",
        input_border_color="#aab4be",
        input_border_color_dark="#55606b",
        block_title_text_color="#1b1f24",
        block_title_text_color_dark="#e6e9ec",
        block_label_text_color="#1b1f24",
        block_label_text_color_dark="#e6e9ec",
        block_title_text_weight="600",
    )

"""A picture that somebody uploads. What it really is, a service finds out."""

from __future__ import annotations

from django import forms


class IconForm(forms.Form):
    icon = forms.FileField(
        label="Picture",
        help_text="PNG, JPEG or WebP of at most 1 MiB. It is made square and small.",
        widget=forms.FileInput({"accept": "image/png,image/jpeg,image/webp"}),
    )

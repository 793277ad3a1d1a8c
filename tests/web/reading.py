"""Reads a page as a person or a screen reader would: headings, controls, labels, links, forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "use"}
CONTROLS = {"input", "select", "textarea"}
LANDMARKS = {"main", "nav", "header", "footer", "aside"}

Attributes = dict[str, str]


@dataclass
class Control:
    """Something to fill in. `choices` are what may be sent for it."""

    name: str
    kind: str
    attributes: Attributes
    value: str = ""
    choices: list[str] = field(default_factory=list)
    is_labelled: bool = False


@dataclass
class Form:
    method: str
    action: str
    controls: list[Control] = field(default_factory=list)

    def filled(self) -> dict[str, list[str]]:
        """What a browser sends when nobody touches anything."""
        sent: dict[str, list[str]] = {}
        for control in self.controls:
            is_off = control.kind in {"checkbox", "radio"} and "checked" not in control.attributes
            if control.name and not is_off and control.kind not in {"submit", "file", "button"}:
                sent.setdefault(control.name, []).append(control.value)
        return sent


class Page(HTMLParser):
    """One page, read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language = ""
        self.title = ""
        self.headings: list[str] = []
        self.subheadings: list[str] = []
        self.ids: list[str] = []
        self.landmarks: list[str] = []
        self.links: list[str] = []
        self.images_without_text = 0
        self.labelled: set[str] = set()
        self.controls: list[Control] = []
        self.forms: list[Form] = []
        self.inline: list[str] = []
        self._open: list[str] = []
        self._label_depth = 0
        self._is_template = 0
        self.feed(text)
        self.close()
        for control in self.controls:
            control.is_labelled = control.is_labelled or (
                control.attributes.get("id", "") in self.labelled
            )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        if "id" in told:
            self.ids.append(told["id"])
        if "style" in told or any(name.startswith("on") for name in told):
            self.inline.append(f"{tag} {told}")
        if tag in {"script", "style"} and "src" not in told:
            self.inline.append(tag)
        reader = getattr(self, f"read_{tag}", None)
        if reader is not None:
            reader(told)
        elif tag in LANDMARKS:
            self.landmarks.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag == "label":
            self._label_depth -= 1

    def handle_data(self, data: str) -> None:
        if "title" in self._open and "svg" not in self._open:
            self.title += data
        if "h1" in self._open and self.headings:
            self.headings[-1] += data
        if "h2" in self._open and self.subheadings and "template" not in self._open:
            self.subheadings[-1] += data
        if "textarea" in self._open and self.controls:
            self.controls[-1].value += data

    def read_html(self, told: Attributes) -> None:
        self.language = told.get("lang", "")

    def read_h1(self, _told: Attributes) -> None:
        self.headings.append("")

    def read_h2(self, _told: Attributes) -> None:
        if "template" not in self._open:
            self.subheadings.append("")

    def read_a(self, told: Attributes) -> None:
        if "href" in told:
            self.links.append(told["href"])

    def read_img(self, told: Attributes) -> None:
        self.images_without_text += "alt" not in told

    def read_label(self, told: Attributes) -> None:
        self._label_depth += 1
        self.labelled.add(told.get("for", ""))

    def read_form(self, told: Attributes) -> None:
        self.forms.append(Form(told.get("method", "get").lower(), told.get("action", "")))

    def read_input(self, told: Attributes) -> None:
        self.add(told, told.get("type", "text"), value=told.get("value", ""))

    def read_button(self, told: Attributes) -> None:
        if "form" in self._open and self.forms and told.get("name"):
            kind, value = told.get("type", "submit"), told.get("value", "")
            self.forms[-1].controls.append(Control(told["name"], kind, told, value))

    def read_textarea(self, told: Attributes) -> None:
        self.add(told, "textarea", value="")

    def read_select(self, told: Attributes) -> None:
        self.add(told, "select", value="")

    def read_option(self, told: Attributes) -> None:
        if not self.controls or self.controls[-1].kind != "select":
            return
        control, value = self.controls[-1], told.get("value", "")
        if "selected" in told or not control.choices:
            control.value = value
        control.choices.append(value)

    def add(self, told: Attributes, kind: str, *, value: str) -> None:
        names = {"aria-label", "aria-labelledby", "title"}
        control = Control(
            told.get("name", ""),
            kind,
            told,
            value,
            [value] if kind in {"checkbox", "radio", "hidden"} else [],
            is_labelled=self._label_depth > 0 or bool(names & told.keys()),
        )
        self.controls.append(control)
        if "form" in self._open and self.forms:
            self.forms[-1].controls.append(control)

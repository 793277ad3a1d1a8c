"""The documentation says what the code does: what can be compared is compared here."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
READS = re.compile(r'environment\.(?:text|flag|whole|seconds|words|database)\(\s*"([A-Z_]+)"')
# | `NAME` | default | meaning |
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \| .*\|$", re.MULTILINE)
LITERAL = re.compile(
    r'environment\.(?:whole|seconds)\(\s*"([A-Z_]+)",\s*([\d_ *]+)\)|'
    r'environment\.flag\(\s*"(\w+)"(?:, default=(True|False))?\)'
)


def settings_source() -> str:
    return (ROOT / "hydra" / "settings.py").read_text()


def documented() -> dict[str, str]:
    """Setting → default, from the tables up to what is only for make."""
    product, _, _ = CONFIGURATION.read_text().partition("## Only for `make`")
    return dict(ROW.findall(product))


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(documented()) == set(READS.findall(settings_source()))


def test_documented_defaults_are_the_real_ones() -> None:
    said = documented()
    for number_name, number, flag_name, flag in LITERAL.findall(settings_source()):
        if flag_name:
            assert said[flag_name] == f"`{(flag or 'False').lower()}`"
        else:
            assert said[number_name] == f"`{product_of(number)}`", number_name


def test_settings_are_read_in_one_place_only() -> None:
    """Whoever else read the environment would have a setting that nobody can look up."""
    for folder in ("orgs", "billing", "projects", "deployments"):
        for file in (ROOT / folder).rglob("*.py"):
            assert "os.environ" not in file.read_text(), file


def product_of(numbers: str) -> int:
    """What `14 * 24 * 3600` comes to."""
    product = 1
    for factor in numbers.split("*"):
        product *= int(factor)
    return product

"""The documentation says what the code does: what can be compared is compared here."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
# Of Django, of Python, of the tests and `make stack`, and what `hydra up` hands to its own agent.
NOT_SETTINGS = {"DJANGO_SETTINGS_MODULE", "PYTHONWARNINGS", "PGBIN", "HYDRA_AGENT_KEY"}
READS = re.compile(r'environment\.(?:text|flag|whole|seconds|words|database)\(\s*"([A-Z_]+)"')
ASKS = re.compile(r'os\.environ(?:\.get|\.setdefault)?[\[(]\s*"([A-Z_]+)"')
# | `NAME` | default | meaning |
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \| .*\|$", re.MULTILINE)
LITERAL = re.compile(
    r'environment\.(?:whole|seconds)\(\s*"([A-Z_]+)",\s*([\d_ *]+)\)|'
    r'environment\.flag\(\s*"(\w+)"(?:, default=(True|False))?\)'
)


def settings_source() -> str:
    return (ROOT / "hydra" / "settings.py").read_text()


def documented() -> dict[str, str]:
    """Setting → default, from the tables up to what is not for the product."""
    product, _, _ = CONFIGURATION.read_text().partition("## Only for `make`")
    return dict(ROW.findall(product))


def command_line_reads() -> set[str]:
    """What the `hydra` command asks for before there are settings."""
    sources = (file.read_text() for file in (ROOT / "hydra" / "cli").rglob("*.py"))
    return {name for source in sources for name in ASKS.findall(source)}


def test_every_setting_is_documented_and_no_other() -> None:
    read = set(READS.findall(settings_source())) | command_line_reads()

    assert set(documented()) == read - NOT_SETTINGS


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


def test_every_decision_has_a_number_of_its_own_and_begins_with_it() -> None:
    files = list((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [file.name[:4] for file in files]

    assert sorted(numbers) == sorted(set(numbers))
    for file in files:
        assert file.read_text().startswith(f"# {int(file.name[:4])}. "), file.name

"""Every pair of colours that pages use can be read, in both themes, as WCAG measures it."""

import re
from pathlib import Path

import pytest

import portal

CSS = (Path(portal.__file__).parent / "static" / "base.css").read_text()
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+):\s*light-dark\((#[0-9a-f]{3,8}),\s*(#[0-9a-f]{3,8})\)", CSS)
}
TEXT, SHAPE = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11
INKS, GROUNDS = ("ink", "ink-2", "ink-3"), ("paper", "card", "well")
SOFT = ("accent-soft", "good-soft", "warn-soft", "bad-soft")
PAIRS = [
    *((ink, ground, TEXT) for ink in INKS for ground in (*GROUNDS, *SOFT)),
    *((tone, ground, TEXT) for tone in ("accent", "good", "warn", "bad") for ground in (*GROUNDS, f"{tone}-soft")),
    *(("on-fill", fill, TEXT) for fill in ("accent-fill", "bad-fill")),
    *((ink, f"p{number}", TEXT) for ink in ("ink", "ink-2") for number in range(1, 7)),
    *((shape, "card", SHAPE) for shape in ("edge", "accent-fill", "old", "bad-fill")),
    ("edge", "paper", SHAPE),
]


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_itself_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(("front", "ground", "least"), PAIRS, ids=lambda value: str(value))
def test_colours_can_be_read_in_both_themes(front: str, ground: str, least: float) -> None:
    for theme in (0, 1):
        assert contrast(TOKENS[front][theme], TOKENS[ground][theme]) >= least


def test_colours_are_written_in_one_place_only() -> None:
    """No template and no picture names a colour."""
    rooms = Path(portal.__file__).parent
    for path in [*rooms.glob("templates/*.html"), rooms / "pictures.py", rooms / "telling.py"]:
        assert not re.search(r"#[0-9a-fA-F]{6}\b|rgb\(|hsl\(", path.read_text()), path.name

def main() -> None:
    """The terminal door."""

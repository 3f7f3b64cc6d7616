"""The tables of this room; only its store opens them."""

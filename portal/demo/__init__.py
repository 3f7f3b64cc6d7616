"""A small company in a folder, to try everything: real repositories, a past, a release that is bad, and visitors."""

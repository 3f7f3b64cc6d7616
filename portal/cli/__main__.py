"""`python -m portal.cli`: the same as `fullcycle`."""

from portal.cli import main

main()

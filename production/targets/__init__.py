"""One module per kind of place to run releases. Only portal/wiring.py names a concrete one."""

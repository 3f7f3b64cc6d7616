"""How a page reaches somebody: one port, and a driver for each way. Only the wiring names a concrete one."""

"""The floor: what happened (facts), what is still to do (jobs), clock, database, errors."""

"""What runs: targets, instances, checks."""

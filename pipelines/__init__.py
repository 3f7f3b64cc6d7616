"""One small change, from commit to healthy or back."""

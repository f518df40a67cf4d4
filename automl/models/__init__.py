"""What families build on: trees, linear models, and features that are made from targets."""

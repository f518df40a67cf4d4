"""The policy: rules on traits, the cost model, the validation scheme and the decision."""

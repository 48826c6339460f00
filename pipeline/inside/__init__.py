"""What happens inside the model: a pair followed from its ids to its logits, with real numbers."""

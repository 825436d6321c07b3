"""What can happen on a desk: commands, events, state, and the pure functions between them."""

"""Business time (B10): when a desk is open, and how much of that passes between two moments."""

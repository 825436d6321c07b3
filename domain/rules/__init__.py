"""What a rule is, what it may ask of a happening, and what becomes of a ticket when rules act on it. Pure."""

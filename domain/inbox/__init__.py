"""What people are told, how they want to be told, and what they have read (A13, A24, E5, E6)."""

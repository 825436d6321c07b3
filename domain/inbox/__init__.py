"""What people are told of tickets, how they want to be told, and what they have read (A13, A24, E5, E6)."""

"""What can be asked: one module a read model, with its tables, its fold and its queries."""

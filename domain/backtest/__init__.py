"""What a rule would have done, asked of the log: what happened is looked at again as if the rule had been in force. Pure."""

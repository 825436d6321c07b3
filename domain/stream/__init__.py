"""The stream that other services read: what they are told of an event, and the contract that describes it."""

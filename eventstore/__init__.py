"""Where it is kept: the log, the append, the feed, the codec, the keys."""

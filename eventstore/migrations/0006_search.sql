-- An index over a workspace and its words together: words that are common elsewhere must not slow one desk's search.

CREATE EXTENSION IF NOT EXISTS btree_gin;

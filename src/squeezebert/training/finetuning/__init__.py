"""From labelled rows to a model for them, with a teacher or without."""

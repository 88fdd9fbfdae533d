"""A teacher for a task: what is learnt of its answers beside the labels."""

"""Kinds of data: what a column means, and what is to be known of the whole before anything is learned."""

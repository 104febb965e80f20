"""Computations that are frozen: a definition behind an id, with the scenes it is made of if they are to stay."""

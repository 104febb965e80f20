"""Areas of interest, and the pixels that their numbers are taken from."""

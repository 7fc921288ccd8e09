"""`vggsearch data`: which data sets there are, where they are, and whether they are undamaged."""

"""`vggsearch data`: which data sets there are, where they lie, and whether their bytes are right."""

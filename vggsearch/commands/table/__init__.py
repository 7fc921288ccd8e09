"""`vggsearch table`: tables on which searches are replayed."""

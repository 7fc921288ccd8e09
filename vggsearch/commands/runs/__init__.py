"""`vggsearch runs`: single runs."""

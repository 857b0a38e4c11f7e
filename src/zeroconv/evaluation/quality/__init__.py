"""How good pictures look and how well they fit their prompts: distances of features, CLIP score, aesthetic score."""

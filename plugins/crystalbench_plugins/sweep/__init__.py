"""How far the numbers of a run depend on how its crystals were converted."""

"""How a run goes: what is planned, drawn, converted, scored, kept and verified."""

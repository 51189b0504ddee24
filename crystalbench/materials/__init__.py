"""From protostructures to materials: realise, relax, formation energy, distance from the convex hull."""

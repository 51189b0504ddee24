"""Tables that the search for materials ships, and the scripts that make them."""

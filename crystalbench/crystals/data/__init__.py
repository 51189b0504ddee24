"""Tables shipped with crystalbench, and the scripts that compute them."""

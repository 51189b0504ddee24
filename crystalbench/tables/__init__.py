"""What a run says: results, published numbers, pictures."""

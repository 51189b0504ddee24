"""Discovery: from the samples of a generator to ranked materials."""

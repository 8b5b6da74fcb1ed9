"""What happens in a release; knows nothing of how it is called."""

"""What people read of a release: summary, tables."""

"""Full-text search over a handful of documentation pages about NixOS."""

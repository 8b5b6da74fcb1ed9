"""Deployment manifests from a release record: new ones, or a user's own with the images set in them."""

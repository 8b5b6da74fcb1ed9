"""Writes images anew so that they do not say when they were built, and finds what differs between two of them.

Runs in a container of its own, beside the quarantine: Python's standard library only, and regctl for the registry.
"""

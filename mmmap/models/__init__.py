"""Models by role; import the subpackages directly."""

"""The HTTP interface: translates requests to what the package computes, and back."""

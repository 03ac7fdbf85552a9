"""Limits on plants: scenes on virtual time through the whole stack, and the page that tells what came out."""

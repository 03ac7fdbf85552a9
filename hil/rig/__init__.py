"""What the bench has: rigs, real and simulated."""

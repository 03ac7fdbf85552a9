"""The vocabulary: frozen values that every other package speaks. Imports nothing of the project but itself."""

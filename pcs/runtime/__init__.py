"""The asyncio shell: polls, steps, sends."""

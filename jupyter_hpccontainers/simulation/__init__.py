"""Replays logs of jobs through the scheduler on a simulated clock, and measures what comes out."""

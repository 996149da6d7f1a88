"""Jumps of the sample: where they are, how sure that is, and short runs that went elsewhere.

Jumps that windows show are placed to the frame. Those that only one emitter asks for are taken
back, and runs of frames too short for windows are looked for by their localizations.
"""

"""The parts of tools/install.py; standard library only."""

#!/usr/bin/env python3
"""Attacks on closed files: keys of the home, and a folder closed inside the workspace."""
from attackenv import main

main("files", secrets=("key", "closed"))

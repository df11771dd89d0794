#!/usr/bin/env python3
"""Attacks by other ways to make a call; with a supervisor that has few descriptors."""
from attackenv import main

main("ways", secrets=("key", "closed"), descriptors=58)

#!/usr/bin/env python3
"""Attacks by changing what a call means while it is on its way."""
from attackenv import main

main("races", secrets=("key", "closed"))

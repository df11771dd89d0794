#!/usr/bin/env python3
"""Attacks by running what must not be run."""
from attackenv import main

main("programs", secrets=("key", "closed"))

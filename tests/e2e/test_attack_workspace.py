#!/usr/bin/env python3
"""Attacks on what something outside would run later."""
from attackenv import main

main("workspace")
